"""Promises: behaviours that every kind of record keeps, each tested once for all of them."""
