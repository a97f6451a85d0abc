"""Tests of the days of a practice."""
