"""Tests of the sync adapters of `openapi/clients` with their libraries; `.ci/adapters` runs them."""
