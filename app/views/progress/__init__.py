"""Progress: what a person has done in a range of days, how their scores have changed, and charts of these values."""
