"""Computed views: responses that are computed from records of several kinds for each request, and never stored.

Each view has its own module or package, which has the view's routes. Views share the query parameters in `parameters`
and the conditional response in `conditional`.
"""
