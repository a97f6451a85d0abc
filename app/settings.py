"""Settings, read from environment variables with the prefix `AFTERGLOW_` and from the file `.env`.

Every setting has a type, a default that works in development, and a description. In production, the server does not
start with settings that are only safe on a developer's machine. It then lists all reasons at once, without the
settings' values.
"""

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, SecretStr
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from app.database_url import PostgresUrl, SqliteUrl, read_database_url
from app.setting_types import (
    DatabaseUrl,
    Hosts,
    Issuer,
    Origins,
    OwnHost,
    Proxies,
    RootPath,
    Sender,
    cover_all_addresses,
    split_names,
    with_mapped,
)


class Environment(StrEnum):
    """The environment that the server runs in."""

    DEVELOPMENT = "development"
    PRODUCTION = "production"


class MailBackend(StrEnum):
    """How e-mails are sent."""

    CONSOLE = "console"
    SMTP = "smtp"


class Notice(StrEnum):
    """The kinds of e-mails that tell an owner about security events of the account."""

    NEW_DEVICE = "new-device"
    PASSWORD = "password"  # noqa: S105 - its name
    EMAIL = "e-mail-address"
    COPIED_SIGN_IN = "copied-sign-in"
    SECOND_FACTOR_ON = "second-factor-on"
    SECOND_FACTOR_OFF = "second-factor-off"


def _split_notices(value: object) -> object:
    return [] if value == "none" else split_names(value)


Notices = Annotated[list[Notice], NoDecode, BeforeValidator(_split_notices)]
RequiringRoles = Annotated[list[Literal["clinician", "admin"]], NoDecode, BeforeValidator(split_names)]
DAY: Final = 86_400
NO_ISSUER: Final = "https://afterglow.invalid"


class Settings(BaseSettings):
    """The settings of the server and of every command."""

    model_config = SettingsConfigDict(
        env_prefix="AFTERGLOW_", env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True
    )

    env: Environment = Field(
        Environment.DEVELOPMENT,
        description="development or production. Production refuses to start on unsafe settings.",
    )
    database_url: DatabaseUrl = Field(
        "sqlite:///afterglow.db",
        description="sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME, with libpq's parameters (see docs/operating.md).",
    )
    allow_sqlite: bool = Field(default=False, description="Allows SQLite in production, on one host with one worker.")
    database_pool: int = Field(
        8,
        ge=1,
        le=200,
        description="Maximum PostgreSQL connections per worker, in addition to one for change notifications.",
    )
    pool_seconds: float = Field(1.0, ge=0.01, le=60, description="Maximum wait for a database connection, in seconds.")
    statement_seconds: float = Field(
        5.0, ge=0.01, le=600, description="Maximum duration of a database statement, in seconds."
    )
    keyring: Path = Field(
        Path("afterglow-keys.json"),
        description="File with the signing keys, the keys that wrap data keys, and the server's secret, mode 600.",
    )
    issuer: Issuer = Field(NO_ISSUER, description="The iss claim of access tokens: this API's own URL.")
    audience: str = Field("afterglow", description="The aud claim of access tokens.")
    access_seconds: int = Field(600, ge=30, le=3600, description="Lifetime of an access token, in seconds.")
    refresh_idle_seconds: int = Field(
        14 * DAY, ge=60, description="Time without a token refresh after which a device is signed out, in seconds."
    )
    refresh_total_seconds: int = Field(
        90 * DAY, ge=60, description="Time after which a device has to sign in again, in seconds."
    )
    refresh_grace_seconds: int = Field(
        60, ge=0, description="Time in which a lost refresh response can be requested again, in seconds."
    )
    code_seconds: int = Field(1800, ge=60, description="Lifetime of an e-mailed code, in seconds.")
    code_tries: int = Field(
        5,
        ge=1,
        description="Maximum wrong attempts at a six-digit code from the network that requested it, and from all "
        "other networks together. After that, the code is invalid.",
    )
    codes_a_day: int = Field(
        10,
        ge=1,
        description="Maximum new codes for one e-mail address in 24 hours. After that, the newest code is sent again, "
        "at most this number of times for each network in AFTERGLOW_CODE_SECONDS.",
    )
    throttle_account: int = Field(
        5,
        ge=1,
        description="Maximum wrong passwords for one account in AFTERGLOW_THROTTLE_ACCOUNT_SECONDS. The same limit applies to wrong codes for one account from one network.",
    )
    throttle_account_seconds: int = Field(
        900, ge=1, description="Time in which wrong attempts at an account are counted, in seconds."
    )
    throttle_account_day: int = Field(20, ge=1, description="Maximum wrong attempts at one account in 24 hours.")
    throttle_client: int = Field(20, ge=1, description="Maximum wrong attempts from one client network in a minute.")
    throttle_sign_in: int = Field(
        120,
        ge=1,
        description="Maximum requests to sign in or to verify from one client network "
        "in a minute, whether right or wrong.",
    )
    throttle_mail: int = Field(
        120,
        ge=1,
        description="Maximum requests to register or to reset a password, each with an e-mail, "
        "from one client network in an hour.",
    )
    second_factor_roles: RequiringRoles = Field(
        [],
        description="Roles that cannot sign in without a second factor: clinician, admin, or both, separated by commas.",
    )
    throttle_codes: int = Field(
        10, ge=1, description="Maximum wrong share codes of clinics that one account enters in an hour."
    )
    throttle_calendar: int = Field(60, ge=1, description="Maximum requests for the calendar of one link in an hour.")
    exports_a_day: int = Field(5, ge=1, description="Maximum exports of one account in 24 hours.")
    throttle_tokens: int = Field(60, ge=1, description="Maximum access tokens for one client of a clinic in a minute.")
    throttle_exports: int = Field(
        60, ge=1, description="Maximum bulk exports that one client of a clinic starts in an hour."
    )
    hash_seconds: float = Field(
        5.0, ge=0.01, le=60, description="Maximum wait for a free thread to compute a password hash, in seconds."
    )
    hash_threads: int = Field(
        0,
        ge=0,
        description="Password hashes that one worker computes at the same time. 0 divides the cores among the workers.",
    )
    mail: MailBackend = Field(
        MailBackend.CONSOLE, description="console prints e-mails on standard output; smtp sends them."
    )
    mail_from: Sender = Field("Afterglow <afterglow@localhost>", description="Sender of e-mails.")
    notices: Notices = Field(
        [*Notice],
        description="Kinds of e-mails to owners about the security of their accounts, "
        "separated by commas. The word none turns all off.",
    )
    smtp_host: str = Field("localhost", description="Host of the SMTP server.")
    smtp_port: int = Field(587, ge=1, le=65535, description="Port of the SMTP server.")
    smtp_user: str = Field("", description="User name for the SMTP server. Empty: no login.")
    smtp_password: SecretStr = Field(SecretStr(""), description="Password for the SMTP server.")
    smtp_starttls: bool = Field(default=True, description="Whether the SMTP connection is encrypted with STARTTLS.")
    smtp_seconds: float = Field(10.0, ge=0.1, le=600, description="Maximum wait for the SMTP server, in seconds.")
    origins: Origins = Field(
        [],
        description="Origins from which browsers may call the API (CORS), separated by commas. Unset: any port of localhost and the web views of Capacitor and Ionic in development, none in production.",
    )
    root_path: RootPath = Field(
        "",
        description="Path below which a proxy serves the API, such as /afterglow. The proxy may remove it from the paths that it passes on.",
    )
    trusted_proxies: Proxies = Field(
        [], description="IP addresses or networks of proxies whose forwarded headers are trusted, separated by commas."
    )
    hosts: Hosts = Field(
        [],
        description="Host names that requests may be sent to, separated by commas. Unset: the issuer's in production, any in development.",
    )
    keep_alive_seconds: int = Field(
        75,
        ge=1,
        le=3600,
        description="Time that an idle connection stays open, in seconds. Must be longer than a proxy keeps idle connections, or some requests fail.",
    )
    max_in_flight: int = Field(
        256,
        ge=1,
        le=10_000,
        description="Maximum requests in flight per worker, lowered automatically while the worker is slow. Further requests get a 503.",
    )
    max_in_flight_each: int = Field(
        16,
        ge=1,
        le=10_000,
        description="Maximum requests in flight per worker for one account or clinic while others have requests in flight, too. Further requests wait, or get a 503.",
    )
    max_arriving_bytes: int = Field(
        64 * 2**20,
        ge=8 * 2**20,
        description="Maximum bytes of request bodies that a worker keeps in memory. One account may use a quarter. Further requests get a 503.",
    )
    max_unread_bytes: int = Field(
        128 * 2**20,
        ge=16 * 2**20,
        description="Maximum bytes of responses per worker that clients have not read. Above this, the connections of the slowest clients are closed.",
    )
    max_waiting: int = Field(1000, ge=0, le=100_000, description="Maximum long polls and event streams per worker.")
    max_waiting_each: int = Field(
        20, ge=0, le=1000, description="Maximum long polls and event streams per account and worker."
    )
    metrics_port: int | None = Field(
        None,
        ge=1,
        le=65535,
        description="Port of GET /metrics, for Prometheus, without authentication. Unset: no metrics.",
    )
    metrics_host: OwnHost = Field("127.0.0.1", description="IP address to listen on for GET /metrics.")
    drain_seconds: int | None = Field(
        None,
        ge=0,
        le=20,
        description="Seconds from SIGTERM, when /readyz becomes 503, until no new connection is accepted. Unset: 5 in production, 0 in development.",
    )
    max_body_bytes: int = Field(2**20, ge=1024, description="Maximum size of a request body, in bytes.")
    max_references: int = Field(
        2000,
        ge=1,
        le=5000,
        description="Maximum number of records that refer to one record, such as the elements of a session. Further records are refused.",
    )
    quota_records: int = Field(200_000, ge=1, le=2**31 - 1, description="Maximum records of one account.")
    quota_document_bytes: int = Field(
        2**30,
        ge=1024,
        le=2**53 - 1,
        description="Maximum size of all records of one account, encrypted, without their former versions, in bytes.",
    )
    quota_operations: int = Field(
        500_000, ge=1, le=2**31 - 1, description="Maximum remembered push results of one account."
    )
    quota_devices: int = Field(
        50,
        ge=1,
        le=10_000,
        description="Maximum devices of one account that are signed in. "
        "A further sign-in signs out the one that has not been used for longest.",
    )
    remembered_days: int = Field(
        400,
        ge=1,
        description="Days for which tombstones and push results are kept; `afterglow purge` deletes older ones.",
    )
    history_days: int = Field(
        400,
        ge=1,
        description="Days for which replaced versions of records are kept; `afterglow purge` deletes older ones.",
    )
    backup_days: int = Field(
        35,
        ge=1,
        le=3650,
        description="Days for which you keep backups; the server deletes none. After that time, `afterglow purge` destroys key-encryption keys that were replaced.",
    )
    reopen_days: int = Field(
        14, ge=1, le=90, description="Days in which a person can reopen an account that they closed; then it is erased."
    )
    ledger: Path | None = Field(
        None,
        description="File with the ledger of erasures, mode 600. Unset: beside the keyring, with the suffix .erasures.",
    )
    instruments: Path | None = Field(
        None,
        description="Folder with your own instruments, and with texts of instruments (see `afterglow instruments`).",
    )
    help: Path | None = Field(
        None, description="File with the helplines of GET /v1/help, which replace the shipped ones."
    )
    docs: bool | None = Field(
        None,
        description="Whether the pages /, /guide, /docs and /redoc are served, and /openapi.json. Unset: in development only.",
    )
    demo: bool = Field(
        default=False, description="Whether an invented person's account and records are created at the start."
    )

    @property
    def ledger_file(self) -> Path:
        """The file with the ledger of erasures."""
        return self.ledger or self.keyring.with_suffix(".erasures")

    @property
    def has_issuer(self) -> bool:
        """Whether the issuer is set."""
        return self.issuer != NO_ISSUER

    @property
    def serves_docs(self) -> bool:
        """Whether the pages about the API are served."""
        return self.env is Environment.DEVELOPMENT if self.docs is None else self.docs

    @property
    def allows_local_origins(self) -> bool:
        """Whether browsers and mobile web views may call the API from this machine: in development, unless origins are set."""
        return self.env is Environment.DEVELOPMENT and not self.origins

    @property
    def served_hosts(self) -> set[str]:
        """The host names that requests may be sent to; empty means any."""
        own = {urlsplit(self.issuer).hostname or ""} if self.env is Environment.PRODUCTION else set()
        return {host.lower() for host in self.hosts} or own

    @property
    def drains_for(self) -> int:
        """The number of seconds for which the server still accepts connections after SIGTERM (decision 024)."""
        unset = 5 if self.env is Environment.PRODUCTION else 0
        return unset if self.drain_seconds is None else self.drain_seconds

    @property
    def database(self) -> SqliteUrl | PostgresUrl:
        """The parts of `database_url`."""
        return read_database_url(self.database_url)

    @property
    def uses_sqlite(self) -> bool:
        """Whether the database is SQLite."""
        return isinstance(self.database, SqliteUrl)

    @property
    def forwarders(self) -> list[str]:
        """The trusted proxies, and the IPv4-mapped IPv6 form of each IPv4 proxy for a server that listens on `::`."""
        return with_mapped(self.trusted_proxies)

    def hashes_at_once(self, workers: int = 1) -> int:
        """Return the number of password hashes that each of `workers` workers may compute at the same time.

        By default, the workers together compute at most one per core, but each computes at least one.
        """
        return self.hash_threads or max(1, (os.cpu_count() or 1) // workers)

    def unsafe_reasons(self) -> list[str]:
        """Return the reasons why production must not start with these settings; an empty list in development."""
        if self.env is not Environment.PRODUCTION:
            return []
        checks = {
            "AFTERGLOW_DATABASE_URL is SQLite; set AFTERGLOW_ALLOW_SQLITE=true if one host is enough": (
                self.uses_sqlite and not self.allow_sqlite
            ),
            "AFTERGLOW_ORIGINS must not contain *: list the origins of your apps": "*" in self.origins,
            "AFTERGLOW_TRUSTED_PROXIES must not cover all addresses: list the addresses of your proxies": (
                cover_all_addresses(self.trusted_proxies)
            ),
            "AFTERGLOW_MAIL is console, which prints e-mails instead of sending them; set it to smtp": self.mail
            is MailBackend.CONSOLE,
            "AFTERGLOW_DEMO or --demo creates demo data; start without it": self.demo,
            "AFTERGLOW_ISSUER is not set; set it to the URL of this API": not self.has_issuer,
            "AFTERGLOW_MAIL_FROM is not set; set it to the sender of e-mails, such as Afterglow <hello@example.org>": (
                self.mail_from == Settings.model_fields["mail_from"].default
            ),
        }
        return [reason for reason, applies in checks.items() if applies]
