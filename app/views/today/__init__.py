"""The view of today: what is due, the time since the latest dosing session, and the days ahead."""
