"""Leaving: an account is closed, can be reopened until a set time, and is then erased.

The package is in a layer above all packages that keep data of a person, so that closing and erasing can reach all the
data.
"""

from app import jobs, resources
from app.calendar import tables as calendar
from app.clinics import consent_tables as consents
from app.clinics import tables as clinics

__all__ = ["calendar", "clinics", "consents", "jobs", "resources"]
"""The packages with tables: importing them adds the tables to the metadata, from which erasing finds a person's rows."""
