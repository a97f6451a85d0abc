"""The FHIR R4 facade: clinics read records, and write sessions, as FHIR resources.

`types` lists the resource types and their search parameters. `mapping` converts our records to resources, and incoming
resources to fields of a session. Reads and searches (`reading`, `searching`) check the consent in the SQL statement
that reads the records, and log the access, as a clinic's pull does. Creates and updates (`writing`, `bundles`) write
sessions through the same engine as a clinic's push. `validation` validates resources with fhirkit-rs, which is imported
when the first resource arrives. No other package imports fhirkit-rs.
"""
