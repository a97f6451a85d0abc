"""Bulk exports (FHIR Bulk Data Access): all resources of all patients that a clinic sees, as files.

A client starts an export, gets the manifest, and downloads the files. No file is stored: the server generates each file
page by page during the download, and for each page checks the consents and logs the accesses. `asking` reads the
parameters of an export, `starting` stores them, and `files` generates the files.
"""
