"""The calendar: secret URLs with which calendar apps subscribe to a person's practices, sessions and action items."""
