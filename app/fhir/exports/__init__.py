"""Bulk exports (FHIR Bulk Data Access): what a clinic sees of all its patients, as files of resources.

A client starts an export (`starting`, with the parameters of `asking`), reads its manifest, and downloads its files. No file
is stored: each is made while it is downloaded (`files`), and each of its pages checks the consents and logs the accesses.
"""
