"""Tests of registration, sign-in, tokens and passwords."""
