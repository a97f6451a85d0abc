"""Afterglow: the API for ketamine therapy integration."""
