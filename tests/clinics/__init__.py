"""Tests of clinics: their clients, keys, tokens and consents."""
