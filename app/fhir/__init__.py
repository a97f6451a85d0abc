"""The FHIR R4 facade: the records that a clinic sees, and the sessions that it pushes, as FHIR resources.

`types` lists the types of resource with their search parameters, `mapping` maps each from and to our records. Reads and
searches (`searching`, `reading`) check the consent in the statement of the read and log the access, as a pull does. Writes
(`writing`, `bundles`) are the sessions of a push. A library validates resources (`validation`); it is loaded when the first
one arrives. Only this package knows FHIR.
"""
