"""The calendar: secret links by which a calendar app subscribes to a person's practices, appointments and action items."""
