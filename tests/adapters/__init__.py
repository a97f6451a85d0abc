"""The sync adapters of `openapi/clients`, checked with the libraries that they are for; `.ci/adapters` runs them."""
