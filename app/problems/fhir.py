"""Problems of the FHIR facade, which renders them as OperationOutcomes."""

from typing import Self

from app.problems.faults import Fault
from app.problems.problem import Problem
from app.problems.records import Invalid


class InvalidResource(Invalid):
    """Invalid resource.

    The body is not a valid FHIR R4 resource of the type that the operation takes. The member `errors` lists everything that
    is wrong. The request had no effect.
    """

    status, code = 400, "invalid-resource"
    fault = Fault("/subject", "required", "required element missing.")


class InvalidParameter(Invalid):
    """Invalid search parameter.

    The member `errors` lists the parameters that are unknown or have an invalid value. With the header `Prefer:
    handling=lenient`, the server ignores unknown parameters.
    """

    status, code = 400, "invalid-parameter"
    fault = Fault("/_include", "unknown-parameter", "This type does not have this parameter.")


class NotSupported(Problem):
    """Interaction not supported.

    FHIR clients cannot read former versions of a resource: vread and history are not implemented. `GET /fhir/metadata`
    lists the supported interactions.
    """

    status, code = 400, "not-supported"


class NotAcceptable(Problem):
    """Not acceptable.

    The server responds in JSON only. Send `application/fhir+json` in Accept and in `_format`, or leave both out.
    """

    status, code = 406, "not-acceptable"


class SessionConflict(Problem):
    """Session conflict.

    The clinic does not manage this session, for example because the patient has removed it or detached it from the
    clinic. So the clinic cannot write it.
    """

    status, code = 409, "session-conflict"


class PreconditionFailed(Problem):
    """Precondition failed.

    If-Match does not name the resource's current version, or a conditional request does not have exactly one identifier
    as its condition.
    """

    status, code = 412, "precondition-failed"

    @classmethod
    def of_condition(cls) -> Self:
        """Return the problem of a conditional request whose condition is not exactly one identifier."""
        return cls("The condition must be one identifier: identifier=system|value.")


class AsyncRequired(Problem):
    """Asynchronous request required.

    A bulk export is asynchronous: send the header `Prefer: respond-async`. The response then has the URL of the
    export's manifest in Content-Location.
    """

    status, code = 400, "async-required"


class TooManyBulkExports(Problem):
    """Too many bulk exports.

    A client can start a limited number of bulk exports an hour. Use the last export, or try again after the number of
    seconds in Retry-After.
    """

    status, code = 429, "too-many-bulk-exports"

    def __init__(self, seconds: int = 3600) -> None:
        """Set Retry-After, in seconds: at most an hour."""
        super().__init__("", {"Retry-After": str(seconds)})


class UnknownSubject(Problem):
    """Unknown subject.

    The subject of the resource is not a patient whose consent allows the clinic to add sessions. The response is the
    same if the consent has ended, or is for another purpose.
    """

    status, code = 422, "unknown-subject"
