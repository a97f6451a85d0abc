"""Fixtures of the tests of clinics."""

from tests.house.conftest import empty_folder

__all__ = ["empty_folder"]
