"""Services: the objects that all requests of a running server share.

Only the composition (`app.composition`) builds them, at the start. Access tokens and password hashing are implemented in
identity, and clients in clinics. Both use `Services` themselves, so only their protocols are declared here.
"""

from dataclasses import dataclass
from typing import Annotated, Any, Final, Protocol
from uuid import UUID

from fastapi import Depends
from starlette.requests import Request

from app.db import Database
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
"""The length of a tag: access tokens that are issued with one refresh token have the same tag."""


@dataclass(slots=True)
class Claims:
    """What a verified access token says: the account, its device, the scope, and when it expires (seconds since 1970)."""

    account_id: UUID
    device_id: UUID
    scope: str
    expires: int
    unused: bytes | None
    """The tag of the access token; None once this worker has stored that the token was used."""


@dataclass(frozen=True, slots=True)
class ClientClaims:
    """What a client's verified access token says: the client, its scopes, and when it expires (seconds since 1970)."""

    client_id: UUID
    scope: str
    expires: int


class AccessTokens(Protocol):
    """Issues and verifies access tokens."""

    def issue(self, account_id: UUID, device_id: UUID, scope: str, tag: bytes | None = None) -> str:
        """Return a new access token of a device; `tag` is of the refresh token that it is issued with (`TAG_BYTES`)."""
        ...

    def issue_to_client(self, client_id: UUID, scope: str) -> str:
        """Return a new access token of a client."""
        ...

    def verify(self, token: str) -> Claims | ClientClaims:
        """Return a token's claims; raise `NotSignedIn` if it is not valid."""
        ...


class ClientAccess(Protocol):
    """Checks whether a client may still call, and fetches the keys at its URL."""

    async def check(self, client_id: UUID) -> None:
        """Raise `NotSignedIn` if the client or its clinic has ended."""
        ...

    async def keys_at(self, url: str, kid: object) -> list[dict[str, Any]]:
        """Return the usable keys at a client's URL with this `kid`; none if they cannot be fetched."""
        ...


class PasswordHashing(Protocol):
    """Hashes and checks passwords outside the event loop."""

    running: int
    """The number of hashes that are being computed."""
    waiting: int
    """The number of hashes that wait for a free thread."""

    async def hashed(self, password: str, network: str = "") -> str:
        """Return the hash of a password that `network` sent."""
        ...

    async def right(self, password: str, password_hash: str | None, network: str = "") -> bool:
        """Return whether a password has this hash; without a hash, return False after the same time."""
        ...

    async def checked(self, password: str, password_hash: str | None, network: str = "") -> tuple[bool, str | None]:
        """Return whether a password has this hash, and a new hash if the given one was created with weaker parameters."""
        ...

    def close(self) -> None:
        """Shut down the thread pool."""
        ...


@dataclass(frozen=True, slots=True)
class Services:
    """The services of a server. The keys are derived from the keyring's secret, each for one purpose."""

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
    """The accounts that have a search running in this process."""
    writes: Turns
    """The turns of the owners whose records are written."""
    parsing: Turns
    """The turns of the owners whose pushes are parsed: several pushes of one owner do not keep the event loop busy."""

    async def start(self) -> None:
        """Open the database, and start running jobs."""
        await self.db.open()
        self.jobs.start()

    async def stop(self) -> None:
        """Stop running jobs, and close the database."""
        await self.jobs.stop()
        self.mailer.close()
        self.passwords.close()
        await self.db.close()


def services_of(request: Request) -> Services:
    """Return the services of the server that the request came to."""
    services: Services = request.scope["app"].state.services
    return services


async def current_services(request: Request) -> Services:
    """Return the services, as a dependency."""
    return services_of(request)


TheServices = Annotated[Services, Depends(current_services)]
