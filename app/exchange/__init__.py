"""The exchange of records with clinics: a clinic's system pushes sessions, and pulls what its patients share.

The write engine runs each entry of a push like an operation of the patient (`push`). A pull has one cursor over all
patients (`pull`, `numbering`, `pages`): changes get their numbers when the clinic pulls, so no change is missed. Both
check the consent in the database, and log the access in the same transaction.
"""
