"""Consents: both ways of connecting, their terms, their ends, and what is logged of them."""
