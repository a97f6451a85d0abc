"""Tests of archives: exports and imports."""
