"""The shapes of the exchange with a clinic: the sessions that it sends, and the changes that it receives."""

from copy import copy
from functools import reduce
from operator import or_
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, RootModel, create_model

from app.consents.clinic_shapes import Connection, Identifier
from app.consents.shapes import Shape
from app.exchange import examples
from app.exchange.records import OWN_ONLY
from app.ids import Id
from app.openapi import example
from app.openapi.problems import Fault, HttpStatus
from app.records import Resource
from app.records.coverage import CONNECTIONS
from app.records.write.ops import OpOutcome
from app.resources import RESOURCES
from app.resources.sessions import SESSIONS

ClinicVersion = Annotated[int, Field(ge=1, lt=2**53)]
_clinical: Final[dict[str, Any]] = {
    name: (field.annotation, copy(field))
    for name, field in SESSIONS.draft.model_fields.items()
    if name in SESSIONS.clinical
}
ClinicalSession: Final[Any] = create_model(
    "ClinicalSession",
    __base__=Shape,
    __doc__="The clinical fields of a session. Absent fields become null or their default, except the time zone. A clinic "
    "may change the status to any other, because clinics correct records.",
    **_clinical,
)


class PatientReference(RootModel[Any], defer_build=True):
    """The patient's id, or one of the clinic's identifiers of the patient."""

    root: Id | Identifier


class SessionEntry(Shape, json_schema_extra=example(examples.ENTRY)):
    """An entry of a push: a session of a patient."""

    patient: PatientReference
    identifier: Identifier = Field(description="The clinic's identifier of the session.")
    revision: int | None = Field(
        None,
        ge=0,
        lt=2**53,
        description="The revision of the session in the clinic's system. After a higher one, an entry has no effect.",
    )
    session: ClinicalSession = Field(description="All clinical fields of the session.")


class SessionResult(BaseModel, defer_build=True):
    """The result of one entry of a push."""

    identifier: Identifier | None = Field(description="The session's identifier; null if the one sent is not valid.")
    id: Id | None = Field(description="The session's id; null if the entry is not valid or the patient is not known.")
    outcome: OpOutcome = Field(description="What the entry did. Expect new values.")
    status: HttpStatus = Field(description="The HTTP status of this entry.")
    version: ClinicVersion | None = Field(description="The session's version for this clinic; null if it has none.")
    reason: str | None = Field(
        description="Why the entry had no effect. With `unchanged`: `stale`. With `conflict`: `deleted` or `detached`. With "
        "`rejected`: the code of the problem. Expect new values."
    )
    errors: list[Fault] = Field(
        description="All errors, if the status is 422. A pointer is relative to the session or, if it is not about a "
        "member of the session, to the entry."
    )


class SessionResults(BaseModel, defer_build=True, json_schema_extra=example(examples.RESULTS)):
    """The results of a push, in the order of its entries."""

    results: list[SessionResult] = Field(description="One result for each entry, in the order given.")


def _record_of(kind: Resource) -> type[BaseModel]:
    """Return the shape of the records of one kind as a clinic sees them."""
    members: dict[str, Any] = {}
    for name, field in kind.public.model_fields.items():
        if name not in OWN_ONLY:
            kept: Any = Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation
            members[name] = (
                kept | None if name in kind.targets else kept,
                Field(description=field.description),
            )
    members["version"] = (ClinicVersion, Field(description="The record's version for this clinic."))
    managed_by: Any = Literal["patient", "this-clinic", "another-clinic"]
    members["managed_by"] = (managed_by, Field(description="Who sets the clinical fields."))
    members["identifier"] = (
        Identifier | None,
        Field(description="For a session that the clinic manages, the clinic's identifier of it; otherwise null."),
    )
    members["revision"] = (
        Annotated[int, Field(ge=0, lt=2**53)] | None,
        Field(
            description="For a session that the clinic manages, the highest revision that was pushed; otherwise null."
        ),
    )
    name = f"Clinic{kind.public.__name__}"
    doc = f"{kind.one[0].upper()}{kind.one[1:]}, as a clinic sees it."
    return create_model(name, __config__=ConfigDict(defer_build=True), __doc__=doc, **members)


class _Change(BaseModel, defer_build=True):
    collection: str
    patient: Id = Field(description="The patient's id.")
    id: Id = Field(description="The record's id; for a connection, the patient's id.")
    version: ClinicVersion = Field(description="The number of changes of this connection, including this one.")
    removed: bool = Field(
        description="Whether the clinic no longer sees the record. A removed connection stands for all its records."
    )
    record: Any


def _change_of(collection: str, name: str, record: Any) -> Any:
    found: Any = Literal[collection]
    return create_model(
        f"Clinic{name}Change",
        __base__=_Change,
        __doc__=f"The latest change of one record in the collection `{collection}`, as the clinic sees it.",
        collection=(found, Field(description="The record's collection.")),
        record=(record | None, Field(description="The record as it is now; null if `removed` is true.")),
    )


_CHANGES: Final = [
    _change_of(CONNECTIONS, "Connection", Connection),
    *(_change_of(kind.collection, kind.public.__name__, _record_of(kind)) for kind in RESOURCES if kind.scope),
]


class ClinicChange(RootModel[Any], defer_build=True):
    """The latest change of one record or connection. `collection` determines the type of `record`."""

    root: Annotated[reduce(or_, _CHANGES), Field(discriminator="collection")]  # type: ignore[valid-type]


class ClinicChanges(BaseModel, defer_build=True, json_schema_extra=example(examples.CHANGES)):
    """A page of a clinic's pull."""

    changes: list[ClinicChange] = Field(description="The changes, each record once, in its latest state.")
    cursor: str = Field(
        description="An opaque cursor. Send it as `since` to get the next page, or keep it for the next pull."
    )
    has_more: bool = Field(description="Whether there are more changes.")
