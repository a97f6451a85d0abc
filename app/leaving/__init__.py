"""Leaving: a person closes an account, can reopen it until a set time, and then the account is erased.

The package is in a layer above all packages that store data of a person, so that it can import all of them to close and
erase an account.
"""

from app import jobs, resources
from app.calendar import tables as calendar
from app.clinics import consent_tables as consents
from app.clinics import tables as clinics

__all__ = ["calendar", "clinics", "consents", "jobs", "resources"]
"""Packages and modules that define tables. Importing them here adds their tables to the metadata.

Erasing finds the rows of an account by the tables in the metadata (`personal_rows`).
"""
