"""Clinics, their clients, and the clients' keys, scopes and access tokens.

A *clinic* is an organisation that the operator adds. A *client* is a program that calls the API for a clinic. It signs
an assertion with its own private key, and exchanges the assertion for an access token. The operator has registered the
client's public key, or a URL that returns it.
"""
