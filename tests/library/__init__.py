"""Tests of the library: instruments and their scoring, prompts, help, and the operator's own files."""
