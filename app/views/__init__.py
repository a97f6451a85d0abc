"""Computed views: responses over the records of several kinds, which are computed for each request and never stored.

Each view has its own module with its route. All of them share their parameters (`parameters`) and the conditional
response (`conditional`).
"""
