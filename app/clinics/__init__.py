"""Clinics: their clients, the keys and scopes of these, and the tokens that they get.

A *clinic* is an organisation that the operator adds. A *client* is a program that authenticates for it: it signs an
assertion with its own private key, of which the clinic registers the public part, and gets an access token for it.
"""
