"""The calendar: links, and what calendar apps read by them."""
