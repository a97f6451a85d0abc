"""Tests of the computed views."""
