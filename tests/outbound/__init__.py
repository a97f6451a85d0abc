"""Tests of requests that the server makes."""
