"""Tests of sync: the rules of pull and push, and simulations that check that no change is lost."""
