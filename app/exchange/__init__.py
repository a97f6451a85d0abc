"""The exchange of records with clinics: a clinic's system pushes sessions, and pulls what its patients share.

Each entry of a push is an operation of the same write engine as the patient's own (`push`). A pull has one cursor over all
patients (`pull`, `numbering`, `pages`): changes get their numbers when the clinic pulls, so it never misses one. Both check
the consent in the database, and log the access in the same transaction.
"""
