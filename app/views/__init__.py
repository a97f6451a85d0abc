"""Computed views: responses that are computed from records of several kinds for each request, and never stored.

Each view has its own module or package with its routes. `parameters` and `conditional` have the query parameters and
the conditional response that views share.
"""
