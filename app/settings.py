"""Settings: read from the environment (prefix `AFTERGLOW_`) and from a file `.env`.

Every setting has a type, a default that works for development, and one sentence. Production refuses to start on
defaults that are only safe on a developer's machine, and then lists every reason at once, without any value.
"""

import os
from contextlib import suppress
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network, collapse_addresses
from pathlib import Path
from typing import Annotated, Final, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

Network = TypeVar("Network", IPv4Network, IPv6Network)


class Environment(StrEnum):
    """Where the server runs."""

    DEVELOPMENT = "development"
    PRODUCTION = "production"


class MailBackend(StrEnum):
    """How mail leaves."""

    CONSOLE = "console"
    SMTP = "smtp"


def _known_database(url: str) -> str:
    file = url.removeprefix("sqlite:///")
    names_file = file != url and file not in {"", ":memory:"} and not {"?", "#"} & {*file}
    if not names_file and not (url.startswith("postgresql://") and urlsplit(url).port != 0):
        message = "give sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME"
        raise ValueError(message)
    return url


def _listed(value: object) -> object:
    return [name.strip() for name in value.split(",") if name.strip()] if isinstance(value, str) else value


def _whole(family: type[Network], proxies: list[str]) -> bool:
    """Say whether addresses and networks are, all together, every address of a family."""
    networks = []
    for proxy in proxies:
        with suppress(ValueError):  # of the other family, or a name
            networks.append(family(proxy, strict=False))
    return any(network.prefixlen == 0 for network in collapse_addresses(networks))


def _everybody(proxies: list[str]) -> bool:
    return "*" in proxies or _whole(IPv4Network, proxies) or _whole(IPv6Network, proxies)


DatabaseUrl = Annotated[str, AfterValidator(_known_database)]
Names = Annotated[list[str], NoDecode, BeforeValidator(_listed)]
DAY: Final = 86_400


class Settings(BaseSettings):
    """Everything that can be configured."""

    model_config = SettingsConfigDict(
        env_prefix="AFTERGLOW_", env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True
    )

    env: Environment = Field(
        Environment.DEVELOPMENT, description="development or production; production refuses unsafe defaults."
    )
    database_url: DatabaseUrl = Field(
        "sqlite:///afterglow.db", description="sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME."
    )
    allow_sqlite: bool = Field(default=False, description="Lets production run on SQLite, on one host and one worker.")
    database_pool: int = Field(
        8, ge=1, le=200, description="PostgreSQL connections of one worker, besides one for wake-ups."
    )
    pool_seconds: float = Field(1.0, ge=0.01, le=60, description="Longest wait for a database connection, in seconds.")
    statement_seconds: float = Field(
        5.0, ge=0.01, le=600, description="Longest run of one database statement, in seconds."
    )
    keyring: Path = Field(
        Path("afterglow-keys.json"), description="File of the signing keys and the server's secret, mode 600."
    )
    issuer: str = Field("https://afterglow.invalid", description="The iss claim of access tokens: this API's own URL.")
    audience: str = Field("afterglow", description="The aud claim of access tokens.")
    access_seconds: int = Field(600, ge=30, le=3600, description="Life of an access token, in seconds.")
    refresh_idle_seconds: int = Field(14 * DAY, ge=60, description="Longest pause between refreshes, in seconds.")
    refresh_total_seconds: int = Field(90 * DAY, ge=60, description="Longest life of a sign-in, in seconds.")
    refresh_grace_seconds: int = Field(600, ge=0, description="How long a lost refresh answer can be asked for again.")
    code_seconds: int = Field(1800, ge=60, description="Life of a mailed code, in seconds.")
    code_tries: int = Field(5, ge=1, description="Wrong tries that end a mailed code.")
    codes_a_day: int = Field(10, ge=1, description="Most codes mailed to one address in 24 hours.")
    throttle_account: int = Field(5, ge=1, description="Wrong tries at one account before it is throttled.")
    throttle_account_seconds: int = Field(900, ge=1, description="Seconds in which those wrong tries count.")
    throttle_account_day: int = Field(20, ge=1, description="Wrong tries at one account in 24 hours.")
    throttle_client: int = Field(20, ge=1, description="Wrong tries from one client network in a minute.")
    hash_seconds: float = Field(
        2.0, ge=0.01, le=60, description="Longest wait for a place to compute a hash, in seconds."
    )
    hash_threads: int = Field(
        0, ge=0, description="Password hashes that one worker computes at once; 0 shares the cores among the workers."
    )
    mail: MailBackend = Field(
        MailBackend.CONSOLE, description="console prints mail on the standard output; smtp sends it."
    )
    mail_from: str = Field("Afterglow <afterglow@localhost>", description="Sender of mail.")
    smtp_host: str = Field("localhost", description="Host of the SMTP server.")
    smtp_port: int = Field(587, ge=1, le=65535, description="Port of the SMTP server.")
    smtp_user: str = Field("", description="User name at the SMTP server; empty means no login.")
    smtp_password: SecretStr = Field(SecretStr(""), description="Password at the SMTP server.")
    smtp_starttls: bool = Field(default=True, description="Whether the SMTP connection is encrypted by STARTTLS.")
    smtp_seconds: float = Field(10.0, ge=0.1, le=600, description="Longest wait for the SMTP server, in seconds.")
    origins: Names = Field([], description="Origins that browsers may call from (CORS), separated by commas.")
    trusted_proxies: Names = Field(
        [], description="Addresses of proxies whose forwarded headers are believed, separated by commas."
    )
    hosts: Names = Field(
        [],
        description="Hosts that requests may be for, separated by commas; unset means the issuer's in production, any in development.",
    )
    max_in_flight: int = Field(
        256,
        ge=1,
        le=10_000,
        description="Requests that one worker has in hand at once, fewer where it is slow; more are told to come back.",
    )
    max_waiting: int = Field(1000, ge=0, le=100_000, description="Long polls and event streams of one worker.")
    max_waiting_each: int = Field(
        20, ge=0, le=1000, description="Long polls and event streams of one account at one worker."
    )
    drain_seconds: int | None = Field(
        None,
        ge=0,
        le=20,
        description="Seconds from SIGTERM, when readiness goes off, until no connection is taken; unset means 5 in production.",
    )
    max_body_bytes: int = Field(2**20, ge=1024, description="Largest body of a request, in bytes.")
    remembered_days: int = Field(
        400, ge=1, description="Days for which removals, and what devices pushed, are remembered."
    )
    docs: bool | None = Field(None, description="Whether /docs and /redoc are served; unset means in development only.")
    demo: bool = Field(default=False, description="Whether an invented person's journey is planted at the start.")

    @property
    def serves_docs(self) -> bool:
        """Whether the docs pages are on."""
        return self.env is Environment.DEVELOPMENT if self.docs is None else self.docs

    @property
    def served_hosts(self) -> set[str]:
        """The hosts that requests may be for; none means any."""
        own = {urlsplit(self.issuer).hostname or ""} if self.env is Environment.PRODUCTION else set()
        return {host.lower() for host in self.hosts} or own

    @property
    def drains_for(self) -> int:
        """How many seconds the server goes on taking connections after it was asked to stop."""
        unset = 5 if self.env is Environment.PRODUCTION else 0
        return unset if self.drain_seconds is None else self.drain_seconds

    @property
    def uses_sqlite(self) -> bool:
        """Whether the embedded database is in use."""
        return self.database_url.startswith("sqlite:")

    def hashes_at_once(self, workers: int = 1) -> int:
        """How many hashes each of several workers computes at once: all together no more than there are cores, if
        there are no more workers than cores.
        """
        return self.hash_threads or max(1, (os.cpu_count() or 1) // workers)

    def unsafe(self) -> list[str]:
        """Return why production must not start on these settings; nothing in development."""
        if self.env is not Environment.PRODUCTION:
            return []
        checks = {
            "AFTERGLOW_DATABASE_URL is SQLite; set AFTERGLOW_ALLOW_SQLITE=true if one host is enough": (
                self.uses_sqlite and not self.allow_sqlite
            ),
            "AFTERGLOW_ORIGINS contains *": "*" in self.origins,
            "AFTERGLOW_TRUSTED_PROXIES contains everybody": _everybody(self.trusted_proxies),
            "AFTERGLOW_MAIL is console": self.mail is MailBackend.CONSOLE,
            "AFTERGLOW_DEMO plants demo data": self.demo,
            "AFTERGLOW_ISSUER is not set": self.issuer == Settings.model_fields["issuer"].default,
        }
        return [reason for reason, holds in checks.items() if holds]
