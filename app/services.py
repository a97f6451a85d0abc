"""Services: the objects that all requests of a running server share.

Only `app.composition` builds them, once. `app.identity` implements access tokens and password hashing, and
`app.clinics` implements the access of clients. Both import this module, so this module declares only protocols for
them.
"""

from dataclasses import dataclass
from typing import Annotated, Any, Final, Protocol
from uuid import UUID

from fastapi import Depends
from starlette.requests import Request

from app.db import Database, Row
from app.jobs import Jobs
from app.keyring import Keyring
from app.library import Library
from app.mail import Mailer
from app.metrics import Counts
from app.outbound import Outbound
from app.sealing import DataKeys
from app.server.in_flight import InFlightLimiter
from app.server.slots import Slots
from app.server.turns import Turns
from app.settings import Settings

TAG_BYTES: Final = 8
"""The length, in bytes, of the tag of an access token. The tag identifies the refresh token that was issued with it."""


@dataclass(slots=True)
class Claims:
    """The claims of a verified access token: the account, its device, the scope, and the expiry as a Unix time."""

    account_id: UUID
    device_id: UUID
    scope: str
    expires: int
    unused: bytes | None
    """The tag of the access token, until this worker has stored that the token was used; then None."""


@dataclass(frozen=True, slots=True)
class ClientClaims:
    """The claims of a client's verified access token: the client, its scopes, and the expiry as a Unix time."""

    client_id: UUID
    scope: str
    expires: int


class AccessTokens(Protocol):
    """Issues and verifies access tokens."""

    def issue(self, account_id: UUID, device_id: UUID, scope: str, tag: bytes | None = None) -> str:
        """Return a new access token for a device.

        `tag` is the tag, of `TAG_BYTES` bytes, of the refresh token that is issued with the access token. By default,
        the tag is random.
        """
        ...

    def issue_to_client(self, client_id: UUID, scope: str) -> str:
        """Return a new access token for a client."""
        ...

    def verify(self, token: str) -> Claims | ClientClaims:
        """Return a token's claims; raise `NotSignedIn` if the token is not valid."""
        ...


class ClientAccess(Protocol):
    """Checks whether a client of a clinic is still active, and fetches its public keys."""

    known: dict[UUID, Row]
    """The clinic's id and name and the purpose of each client that has called this worker: they never change."""

    async def check(self, client_id: UUID) -> None:
        """Raise `NotSignedIn` if the client or its clinic is not active any more."""
        ...

    async def keys_at(self, url: str, kid: object) -> list[dict[str, Any]]:
        """Return the usable keys with this `kid` from a client's URL; an empty list if the URL cannot be read."""
        ...


class PasswordHashing(Protocol):
    """Hashes and checks passwords in threads, outside the event loop.

    The threads serve the client networks in turn, so that many requests from one network do not delay the others.
    """

    running: int
    """The number of hashes that are being computed."""
    waiting: int
    """The number of hashes that wait for a free thread."""

    async def hashed(self, password: str, network: str = "") -> str:
        """Return the hash of a password that a client in `network` sent."""
        ...

    async def verify(self, password: str, password_hash: str | None, network: str = "") -> bool:
        """Return whether a password matches a hash. Without a hash, return False after the same time."""
        ...

    async def verify_and_update(
        self, password: str, password_hash: str | None, network: str = ""
    ) -> tuple[bool, str | None]:
        """Return whether a password matches a hash, and a new hash if the given one must be replaced, else None."""
        ...

    def close(self) -> None:
        """Shut down the thread pool."""
        ...


@dataclass(frozen=True, slots=True)
class Services:
    """The services of a server or of a command. Each `…_key` is derived from the keyring's secret for one purpose."""

    settings: Settings
    db: Database
    jobs: Jobs
    mailer: Mailer
    keyring: Keyring
    data_keys: DataKeys
    library: Library
    tokens: AccessTokens
    clients: ClientAccess
    passwords: PasswordHashing
    outbound: Outbound
    cursor_key: bytes
    code_key: bytes
    refresh_key: bytes
    throttle_key: bytes
    second_factor_key: bytes
    ticket_key: bytes
    op_key: bytes
    webhook_key: bytes
    limiter: InFlightLimiter
    counts: Counts
    exports: Slots
    bulk_exports: Slots
    imports: Slots
    searching: set[UUID]
    """The ids of the accounts that have a search running in this process."""
    writes: Turns
    """A lock for each owner, so that only one write of an owner runs at a time in this process."""
    pushes: Turns
    """A lock for each owner, so that only one push of an owner is parsed and written at a time in this process.

    Many large pushes of an owner then hold the database's write lock no longer than one does.
    """

    async def start(self) -> None:
        """Open the database, and start running jobs."""
        await self.db.open()
        self.jobs.start()

    async def stop(self) -> None:
        """Stop running jobs, shut down the thread pools, and close the database."""
        await self.jobs.stop()
        self.mailer.close()
        self.passwords.close()
        await self.db.close()


def services_of(request: Request) -> Services:
    """Return the services of the server that received the request."""
    services: Services = request.scope["app"].state.services
    return services


async def current_services(request: Request) -> Services:
    """Return the services. This is the dependency of `TheServices`."""
    return services_of(request)


TheServices = Annotated[Services, Depends(current_services)]
