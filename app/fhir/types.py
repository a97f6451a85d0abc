"""The resource types: their search parameters, and the records that their resources are made from."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import sqlalchemy as sa

from app.db import Row
from app.fhir.mapping import administrations, connections, journal, procedures, questionnaires
from app.openapi import Json
from app.records import Resource
from app.records.coverage import CONNECTIONS
from app.resources.action_items import ACTION_ITEMS
from app.resources.assessments import ASSESSMENTS
from app.resources.elements import ELEMENTS
from app.resources.intentions import INTENTIONS
from app.resources.reflections import REFLECTIONS
from app.resources.sessions import SESSIONS

Encode = Callable[[Row, str], Json]
Column = Callable[[sa.FromClause], sa.ColumnElement[Any]]
"""A function that takes the table of a kind of record, and returns a column of the table or another SQL expression."""


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """A collection from which resources of a type are made: the records of one kind, or the connections.

    `kind` is None for connections. `encode` takes a record and the id of its patient, and returns the resource.
    `statuses` maps the FHIR codes of the status to the statuses of the record; if all resources have the same status,
    `status` is its code instead. `date` is the column that a search by date compares; without it, such a search finds
    no record of the collection. `condition` selects the records that have a resource of the type; without it, all
    records have one.
    """

    collection: str
    encode: Encode
    kind: Resource | None = None
    statuses: Mapping[str, str] = field(default_factory=dict)
    status: str | None = None
    date: Column | None = None
    condition: Column | None = None


@dataclass(frozen=True, slots=True, eq=False)
class FhirType:
    """A FHIR resource type. Observations are made from two collections of records, all other resources from one.

    `parameters` are the search parameters that only some types have. It maps each name to the criterion, which says
    what the parameter is compared with: `identifier`, `patient`, `status` or `date`. Clients can create and update
    resources of `writable` types only.
    """

    name: str
    parameters: Mapping[str, str]
    sources: tuple[Source, ...]
    writable: bool = False

    @property
    def letters(self) -> str:
        """The scope letters of the interactions that the type supports, such as `rs` for read and search."""
        return "crus" if self.writable else "rs"

    @property
    def is_connection(self) -> bool:
        """Whether resources of this type are made from connections instead of records."""
        return all(source.kind is None for source in self.sources)


def _has_started_with_medicine(table: sa.FromClause) -> sa.ColumnElement[bool]:
    any_of_it = sa.or_(*(table.c[name].is_not(None) for name in administrations.FIELDS))
    return sa.and_(table.c.started_at.is_not(None), any_of_it)


def _same(kind: Resource) -> Mapping[str, str]:
    """Return the `Source.statuses` of a kind of record whose statuses are FHIR codes already: each maps to itself."""
    found: Any = kind.fields.model_fields["status"].annotation
    return {str(each): str(each) for each in found}


_PATIENT: Final = {"patient": "patient", "subject": "patient"}
_STATUS: Final = {**_PATIENT, "status": "status"}
_MANAGED: Final = {**_STATUS, "identifier": "identifier"}
TYPES: Final[Mapping[str, FhirType]] = {
    each.name: each
    for each in (
        FhirType("Patient", {"identifier": "identifier"}, (Source(CONNECTIONS, connections.patient),)),
        FhirType(
            "Consent",
            {"patient": "patient", "status": "status"},
            (Source(CONNECTIONS, connections.consent, status="active"),),
        ),
        FhirType(
            "Procedure",
            {**_MANAGED, "date": "date"},
            (
                Source(
                    SESSIONS.collection,
                    procedures.encode,
                    SESSIONS,
                    statuses=procedures.STATUSES,
                    date=lambda table: sa.func.coalesce(table.c.started_at, table.c.scheduled_at),
                ),
            ),
            writable=True,
        ),
        FhirType(
            "MedicationAdministration",
            {**_MANAGED, "effective-time": "date"},
            (
                Source(
                    SESSIONS.collection,
                    administrations.encode,
                    SESSIONS,
                    statuses=administrations.STATUSES,
                    date=lambda table: table.c.started_at,
                    condition=_has_started_with_medicine,
                ),
            ),
            writable=True,
        ),
        FhirType(
            "Observation",
            {**_STATUS, "date": "date"},
            (
                Source(ELEMENTS.collection, journal.observation, ELEMENTS, status="final"),
                Source(
                    ASSESSMENTS.collection,
                    questionnaires.total,
                    ASSESSMENTS,
                    statuses=questionnaires.STATUSES,
                    date=lambda table: table.c.taken_at,
                ),
            ),
        ),
        FhirType(
            "QuestionnaireResponse",
            {**_STATUS, "authored": "date"},
            (
                Source(
                    ASSESSMENTS.collection,
                    questionnaires.response,
                    ASSESSMENTS,
                    statuses=_same(ASSESSMENTS),
                    date=lambda table: table.c.taken_at,
                ),
            ),
        ),
        FhirType(
            "Goal",
            {**_PATIENT, "lifecycle-status": "status"},
            (Source(INTENTIONS.collection, journal.goal, INTENTIONS, statuses=_same(INTENTIONS)),),
        ),
        FhirType(
            "Task",
            _STATUS,
            (Source(ACTION_ITEMS.collection, journal.task, ACTION_ITEMS, statuses=_same(ACTION_ITEMS)),),
        ),
        FhirType(
            "DocumentReference",
            {**_STATUS, "date": "date"},
            (
                Source(
                    REFLECTIONS.collection,
                    journal.document,
                    REFLECTIONS,
                    status="current",
                    date=lambda table: table.c.occurred_at,
                ),
            ),
        ),
    )
}
"""All resource types, by name."""
