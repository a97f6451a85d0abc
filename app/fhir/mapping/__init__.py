"""The mapping between records and FHIR resources. `parts` has the helpers that the other modules share."""
