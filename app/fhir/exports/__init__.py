"""Bulk exports (FHIR Bulk Data Access): all resources of all patients that a clinic sees, as files.

A client starts an export (`starting`; `asking` reads the parameters), gets the manifest, and downloads the files. No
file is stored: the server generates each file page by page during the download (`files`), and for each page checks the
consents and logs the accesses.
"""
