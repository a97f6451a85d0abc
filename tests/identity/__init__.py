"""Registering, signing in, staying signed in."""
