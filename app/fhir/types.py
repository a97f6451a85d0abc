"""The types of resource, and what each can be searched by."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import sqlalchemy as sa

from app.db import Row
from app.fhir.mapping import administrations, connections, journal, procedures
from app.openapi import Json
from app.records import Resource
from app.records.coverage import CONNECTIONS
from app.resources.action_items import ACTION_ITEMS
from app.resources.elements import ELEMENTS
from app.resources.intentions import INTENTIONS
from app.resources.reflections import REFLECTIONS
from app.resources.sessions import SESSIONS

Encode = Callable[[Row, str], Json]
Column = Callable[[sa.FromClause], sa.ColumnElement[Any]]
"""Returns a column or an expression of the table of a record."""


@dataclass(frozen=True, slots=True, eq=False)
class FhirType:
    """A type of resource, made from the records of one collection.

    `encode` makes the resource of a record of a patient. `parameters` maps the names of its own search parameters to what
    they search by: `identifier`, `patient`, `status` or `date`. `statuses` maps the codes of its status to ours; a type
    whose status is always the same has the code alone. `date` is what `date` compares. `condition` selects the records
    that have such a resource. Only a `writable` type can be created and updated.
    """

    name: str
    collection: str
    encode: Encode
    parameters: Mapping[str, str]
    kind: Resource | None = None
    statuses: Mapping[str, str] = field(default_factory=dict)
    status: str | None = None
    date: Column | None = None
    condition: Column | None = None
    writable: bool = False

    @property
    def letters(self) -> str:
        """The letters of the scopes of the interactions that the type supports."""
        return "crus" if self.writable else "rs"


def _has_started_with_medicine(table: sa.FromClause) -> sa.ColumnElement[bool]:
    any_of_it = sa.or_(*(table.c[name].is_not(None) for name in administrations.FIELDS))
    return sa.and_(table.c.started_at.is_not(None), any_of_it)


def _same(kind: Resource) -> Mapping[str, str]:
    """Return the statuses of a kind of record, whose codes are those of FHIR."""
    found: Any = kind.fields.model_fields["status"].annotation
    return {str(each): str(each) for each in found}


_PATIENT: Final = {"patient": "patient", "subject": "patient"}
_MANAGED: Final = {**_PATIENT, "identifier": "identifier", "status": "status"}
TYPES: Final[Mapping[str, FhirType]] = {
    each.name: each
    for each in (
        FhirType("Patient", CONNECTIONS, connections.patient, {"identifier": "identifier"}),
        FhirType(
            "Consent", CONNECTIONS, connections.consent, {"patient": "patient", "status": "status"}, status="active"
        ),
        FhirType(
            "Procedure",
            SESSIONS.collection,
            procedures.encode,
            {**_MANAGED, "date": "date"},
            SESSIONS,
            statuses=procedures.STATUSES,
            date=lambda table: sa.func.coalesce(table.c.started_at, table.c.scheduled_at),
            writable=True,
        ),
        FhirType(
            "MedicationAdministration",
            SESSIONS.collection,
            administrations.encode,
            {**_MANAGED, "effective-time": "date"},
            SESSIONS,
            statuses=administrations.STATUSES,
            date=lambda table: table.c.started_at,
            condition=_has_started_with_medicine,
            writable=True,
        ),
        FhirType(
            "Observation",
            ELEMENTS.collection,
            journal.observation,
            {**_PATIENT, "status": "status"},
            ELEMENTS,
            status="final",
        ),
        FhirType(
            "Goal",
            INTENTIONS.collection,
            journal.goal,
            {**_PATIENT, "lifecycle-status": "status"},
            INTENTIONS,
            statuses=_same(INTENTIONS),
        ),
        FhirType(
            "Task",
            ACTION_ITEMS.collection,
            journal.task,
            {**_PATIENT, "status": "status"},
            ACTION_ITEMS,
            statuses=_same(ACTION_ITEMS),
        ),
        FhirType(
            "DocumentReference",
            REFLECTIONS.collection,
            journal.document,
            {**_PATIENT, "status": "status", "date": "date"},
            REFLECTIONS,
            status="current",
            date=lambda table: table.c.occurred_at,
        ),
    )
}
"""All types of resource."""
