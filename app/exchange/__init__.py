"""The exchange of records with clinics: a clinic's system pushes sessions, and pulls the records that patients share.

The write engine executes each entry of a push like an operation of the patient (`push`). A pull has one cursor for all
patients of the clinic (`pull`, `numbering`, `pages`): changes get their numbers when the clinic pulls, so no change is
missed. Push and pull check the consent, and log the access in the same transaction as they read or write the records.
"""
