"""Today: what is due on a person's day, where they are after the latest dosing session, and what comes next."""
