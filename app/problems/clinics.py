"""Problems of clinics: codes, consents, identifiers and scopes."""

from typing import Self

from app.problems.callers import Forbidden
from app.problems.faults import Fault
from app.problems.problem import Problem
from app.problems.records import Invalid


class InsufficientScope(Forbidden):
    """Insufficient scope.

    The access token lacks the scope of this operation. Request a token with this scope; if it is not granted, ask the
    operator of the server to register it for the client.
    """

    code = "insufficient-scope"

    @classmethod
    def needing(cls, scope: str) -> Self:
        """Return the problem of a token that lacks `scope`, with the challenge that RFC 6750 requires."""
        return cls(
            f"The access token lacks the scope {scope}. Request a token with this scope; if it is not granted, ask the "
            "operator of the server to register it for the client.",
            {"WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{scope}"'},
        )


class UnknownCode(Invalid):
    """Unknown code.

    The share code of a clinic, or the code of an invitation or of a proposed consent, is not valid: it is wrong, used,
    withdrawn or expired, or its clinic no longer uses this server. The response is the same in each case. Check the
    code, or ask the clinic or patient for a new one.
    """

    code = "unknown-code"
    fault = Fault("/code", "unknown-code", "Check the code, or ask for a new one.")

    @classmethod
    def at(cls, pointer: str) -> Self:
        """Return the problem for a code in the request's body; `pointer` is the JSON pointer to this code."""
        return cls(cls.fault.at(pointer))


class UnknownPatient(Problem):
    """Unknown patient.

    The clinic has no patient with this id or identifier whose consent allows it to add sessions. The response is the
    same if the consent has ended, or is for another purpose.
    """

    status, code = 404, "unknown-patient"


class AlreadyConnected(Problem):
    """Already connected.

    The account already has a proposed or active consent for this clinic. Change the terms of that consent, or end it
    first.
    """

    status, code = 409, "already-connected"


class ConsentEnded(Problem):
    """Consent ended.

    The consent has ended, so it cannot be changed. Propose a new consent, or redeem a new code of the clinic.
    """

    status, code = 409, "consent-ended"


class IdentifierInUse(Problem):
    """Identifier in use.

    Another connection of the clinic has this identifier. First remove the identifier from that connection, or end the
    connection.
    """

    status, code = 409, "identifier-in-use"


class TooManyConsents(Problem):
    """Too many consents.

    An account can have at most 20 proposed and active consents. End one first.
    """

    status, code = 409, "too-many-consents"


class TooManyWebhooks(Problem):
    """Too many webhooks.

    A clinic can have at most 5 webhooks. Delete one first.
    """

    status, code = 409, "too-many-webhooks"


class TooManyIdentifiers(Problem):
    """Too many identifiers.

    A connection can have at most 10 identifiers. The clinic must remove one first.
    """

    status, code = 409, "too-many-identifiers"
