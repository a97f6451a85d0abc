"""The kinds of problem: errors with a problem document (RFC 9457).

Problem
├── 400  MalformedRequest · MalformedBody · MalformedQuery · MalformedHeader · InvalidCursor · BadArchive
├── 401  NotSignedIn · WrongCredentials
├── 403  Forbidden · InsufficientScope
├── 404  NotFound · UnknownPatient
├── 405  MethodNotAllowed
├── 409  AlreadyExists · Removed · InvalidTransition · Locked · BatchRefused
│        AlreadyConnected · ConsentEnded · IdentifierInUse · TooManyConsents · TooManyIdentifiers
├── 410  CursorExpired
├── 412  Outdated
├── 413  BodyTooLarge · TooManyOps
├── 414  UrlTooLong
├── 415  UnsupportedMediaType
├── 417  ExpectationFailed
├── 421  Misdirected
├── 422  Invalid
│        ├── UnknownReference · DerivationCycle
│        ├── OpIdReused · DuplicateTarget · UnknownCode
│        └── ParentMissing (424)
├── 428  PreconditionRequired
├── 429  TooManyAttempts · TooManyExports · TooManyWaiting
├── 431  HeadersTooLarge
├── 500  Crashed
├── 503  Unavailable · UnreadableRecord
└── 507  StorageFull

`GET /problems/<code>` returns a class's docstring: the first line is the title, the rest the explanation. A problem never
repeats the input, which may be the most private text there is.
"""

from app.problems.callers import (
    Forbidden,
    NotFound,
    NotSignedIn,
    TooManyAttempts,
    TooManyExports,
    TooManyWaiting,
    WrongCredentials,
)
from app.problems.clinics import (
    AlreadyConnected,
    ConsentEnded,
    IdentifierInUse,
    InsufficientScope,
    TooManyConsents,
    TooManyIdentifiers,
    UnknownCode,
    UnknownPatient,
)
from app.problems.faults import Fault, FaultCode
from app.problems.problem import Problem, kinds
from app.problems.records import (
    AlreadyExists,
    DerivationCycle,
    Invalid,
    InvalidCursor,
    InvalidTransition,
    Locked,
    Outdated,
    PreconditionRequired,
    Removed,
    UnknownReference,
)
from app.problems.requests import (
    BadArchive,
    BodyTooLarge,
    ExpectationFailed,
    HeadersTooLarge,
    MalformedBody,
    MalformedHeader,
    MalformedQuery,
    MalformedRequest,
    MethodNotAllowed,
    Misdirected,
    UnsupportedMediaType,
    UrlTooLong,
)
from app.problems.server import READ_ONLY, Crashed, Failure, StorageFull, Unavailable, UnreadableRecord
from app.problems.sync import BatchRefused, CursorExpired, DuplicateTarget, OpIdReused, ParentMissing, TooManyOps

__all__ = [
    "READ_ONLY",
    "AlreadyConnected",
    "AlreadyExists",
    "BadArchive",
    "BatchRefused",
    "BodyTooLarge",
    "ConsentEnded",
    "Crashed",
    "CursorExpired",
    "DerivationCycle",
    "DuplicateTarget",
    "ExpectationFailed",
    "Failure",
    "Fault",
    "FaultCode",
    "Forbidden",
    "HeadersTooLarge",
    "IdentifierInUse",
    "InsufficientScope",
    "Invalid",
    "InvalidCursor",
    "InvalidTransition",
    "Locked",
    "MalformedBody",
    "MalformedHeader",
    "MalformedQuery",
    "MalformedRequest",
    "MethodNotAllowed",
    "Misdirected",
    "NotFound",
    "NotSignedIn",
    "OpIdReused",
    "Outdated",
    "ParentMissing",
    "PreconditionRequired",
    "Problem",
    "Removed",
    "StorageFull",
    "TooManyAttempts",
    "TooManyConsents",
    "TooManyExports",
    "TooManyIdentifiers",
    "TooManyOps",
    "TooManyWaiting",
    "Unavailable",
    "UnknownCode",
    "UnknownPatient",
    "UnknownReference",
    "UnreadableRecord",
    "UnsupportedMediaType",
    "UrlTooLong",
    "WrongCredentials",
    "kinds",
]
