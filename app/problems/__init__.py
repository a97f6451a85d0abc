"""The kinds of problem: errors with a problem document (RFC 9457).

Problem
├── 400  MalformedRequest · MalformedBody · MalformedQuery · MalformedHeader · InvalidCursor · BadArchive
│        InvalidResource · InvalidParameter · NotSupported · AsyncRequired
├── 401  NotSignedIn · WrongCredentials · SecondFactorRequired
├── 403  Forbidden · InsufficientScope · QuotaExceeded
├── 404  NotFound · UnknownPatient
├── 405  MethodNotAllowed
├── 406  NotAcceptable
├── 409  AlreadyExists · Removed · InvalidTransition · Locked · TooManyReferences · BatchRefused · SessionConflict
│        SecondFactorOn · AlreadyConnected · ConsentEnded · IdentifierInUse · TooManyConsents · TooManyIdentifiers
│        TooManyLinks · TooManyWebhooks
├── 410  CursorExpired
├── 412  Outdated · PreconditionFailed
├── 413  BodyTooLarge · TooManyOps
├── 414  UrlTooLong
├── 415  UnsupportedMediaType
├── 417  ExpectationFailed
├── 421  Misdirected
├── 422  Invalid · UnknownSubject
│        ├── UnknownReference · DerivationCycle
│        ├── OpIdReused · DuplicateTarget · UnknownCode
│        └── ParentMissing (424)
├── 428  PreconditionRequired
├── 429  TooManyAttempts · TooManyBulkExports · TooManyExports · TooManySearches · TooManyWaiting
├── 431  HeadersTooLarge
├── 500  Crashed
├── 503  Unavailable · UnreadableRecord
└── 507  StorageFull

`GET /problems/<code>` returns the docstring of a class: its first line as the title, the rest as the explanation. A
problem never repeats the input, which may be private.
"""

from app.problems.callers import (
    Forbidden,
    NotFound,
    NotSignedIn,
    SecondFactorOn,
    SecondFactorRequired,
    TooManyAttempts,
    TooManyExports,
    TooManyLinks,
    TooManySearches,
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
    TooManyWebhooks,
    UnknownCode,
    UnknownPatient,
)
from app.problems.faults import Fault, FaultCode
from app.problems.fhir import (
    AsyncRequired,
    InvalidParameter,
    InvalidResource,
    NotAcceptable,
    NotSupported,
    PreconditionFailed,
    SessionConflict,
    TooManyBulkExports,
    UnknownSubject,
)
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
    Quota,
    QuotaExceeded,
    Removed,
    TooManyReferences,
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
    "AsyncRequired",
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
    "InvalidParameter",
    "InvalidResource",
    "InvalidTransition",
    "Locked",
    "MalformedBody",
    "MalformedHeader",
    "MalformedQuery",
    "MalformedRequest",
    "MethodNotAllowed",
    "Misdirected",
    "NotAcceptable",
    "NotFound",
    "NotSignedIn",
    "NotSupported",
    "OpIdReused",
    "Outdated",
    "ParentMissing",
    "PreconditionFailed",
    "PreconditionRequired",
    "Problem",
    "Quota",
    "QuotaExceeded",
    "Removed",
    "SecondFactorOn",
    "SecondFactorRequired",
    "SessionConflict",
    "StorageFull",
    "TooManyAttempts",
    "TooManyBulkExports",
    "TooManyConsents",
    "TooManyExports",
    "TooManyIdentifiers",
    "TooManyLinks",
    "TooManyOps",
    "TooManyReferences",
    "TooManySearches",
    "TooManyWaiting",
    "TooManyWebhooks",
    "Unavailable",
    "UnknownCode",
    "UnknownPatient",
    "UnknownReference",
    "UnknownSubject",
    "UnreadableRecord",
    "UnsupportedMediaType",
    "UrlTooLong",
    "WrongCredentials",
    "kinds",
]
