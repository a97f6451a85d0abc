"""The mapping between records and FHIR resources: one module for each type of resource."""
