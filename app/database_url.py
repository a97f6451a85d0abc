"""Parses database URLs, for the server, the migrations and every command.

`sqlite:///FILE` names a file, relative to the current folder or, with a fourth slash, absolute. PostgreSQL URLs have
the form and the parameters of libpq. A URL with an unsupported part is refused. No error message repeats a part that
may contain a password. The settings import this module to check the URL, so it imports no driver.
"""

import re
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlencode

_SCHEME: Final = re.compile(r"(?:postgres|postgresql)(?:\+asyncpg)?://(?P<rest>.*)", re.DOTALL)
_HOST: Final = re.compile(r"(?:\[(?P<ipv6>[0-9A-Fa-f:.%]+)\]|(?P<name>[^:\[\]]*))(?::(?P<port>[^:]*))?")
_BAD_ESCAPE: Final = re.compile(r"%(?![0-9A-Fa-f]{2})|%00|\0")
_NUMBER: Final = re.compile(r"[0-9]{1,9}")
_MAX_NUMBER: Final = 999_999_999
_MAX_PORT: Final = 65_535
_FORMS: Final = (
    "must be sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME, with special characters percent-encoded (@ is %40)"
)
_SSL_MODES: Final = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_ATTRIBUTES: Final = ("any", "read-write", "read-only", "primary", "standby", "prefer-standby")
_POOL_MODES: Final = ("session", "transaction")
_TLS_FILES: Final = ("sslrootcert", "sslcert", "sslkey", "sslcrl")
_TLS_VERSIONS: Final = ("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")
_ONE_OF: Final = {
    "sslmode": _SSL_MODES,
    "target_session_attrs": _ATTRIBUTES,
    "pool_mode": _POOL_MODES,
    "sslnegotiation": ("postgres", "direct"),
    "ssl_min_protocol_version": _TLS_VERSIONS,
    "ssl_max_protocol_version": _TLS_VERSIONS,
    "channel_binding": ("disable", "prefer"),
    "gssencmode": ("disable", "prefer"),
    "client_encoding": ("utf8", "UTF8", "utf-8", "UTF-8", "auto"),
    "pgbouncer": ("true", "false"),
}
_VERSIONS: Final = ("ssl_min_protocol_version", "ssl_max_protocol_version")
_TLS: Final = ("sslmode", *_TLS_FILES, "sslpassword", "sslnegotiation", *_VERSIONS)
"""The TLS parameters, which asyncpg reads from a URL (`PostgresUrl.tls_url`)."""
_IGNORED: Final = ("channel_binding", "gssencmode", "client_encoding", "pgbouncer")
"""Parameters that are accepted only with values that have no effect."""
_OWN: Final = (
    "host",
    "port",
    "dbname",
    "user",
    "password",
    "passfile",
    "application_name",
    "options",
    "connect_timeout",
)
_CACHE_SIZES: Final = ("statement_cache_size", "prepared_statement_cache_size")
KNOWN: Final = (*_OWN, *_TLS, "target_session_attrs", *_IGNORED, "pool_mode", *_CACHE_SIZES)
"""Every supported parameter."""
_UNSUPPORTED: Final = frozenset(
    [
        "fallback_application_name",
        "gssdelegation",
        "gsslib",
        "hostaddr",
        "keepalives",
        "keepalives_count",
        "keepalives_idle",
        "keepalives_interval",
        "krbsrvname",
        "load_balance_hosts",
        "replication",
        "require_auth",
        "requirepeer",
        "service",
        "sslcertmode",
        "sslcompression",
        "sslcrldir",
        "sslkeylogfile",
        "sslsni",
        "tcp_user_timeout",
    ]
)
"""Parameters of libpq that are not supported."""
_REMEDIES: Final = {
    "channel_binding": "it cannot be required; use sslmode=verify-full with sslrootcert to prove the server's identity",
    "gssencmode": "GSSAPI encryption cannot be required; use sslmode",
}


@dataclass(frozen=True, slots=True)
class SqliteUrl:
    """The parts of a SQLite URL: the path of the database file."""

    path: str


@dataclass(frozen=True, slots=True)
class PostgresUrl:
    """The parts of a PostgreSQL URL.

    A field is None or empty if the URL lacks this part. The driver then uses libpq's environment variables.
    """

    hosts: tuple[tuple[str, int | None], ...]
    """Host names, IP addresses or folders of unix sockets, each with its port; an empty host is the driver's default."""
    user: str | None
    password: str | None
    database: str | None
    passfile: str | None
    tls: dict[str, str]
    application_name: str
    options: str
    connect_timeout: float
    """Maximum time to connect to one host, in seconds; 0 if the URL does not set it."""
    target_session_attrs: str | None
    pool_mode: str | None
    """PgBouncer's mode: `session` or `transaction`; if None, the connection code detects a pooler."""

    def tls_url(self) -> str | None:
        """Return a URL that has only the TLS parameters, for the driver; None if the database URL has no TLS
        parameters.
        """
        return f"postgresql:///?{urlencode(self.tls)}" if self.tls else None


@cache
def read_database_url(url: str) -> SqliteUrl | PostgresUrl:
    """Return the parts of a database URL. Raise `ValueError` if the URL is not valid; its message has no password."""
    if url.startswith("sqlite:"):
        return SqliteUrl(_sqlite_path(url))
    found = _SCHEME.fullmatch(url)
    if found is None:
        raise ValueError(_FORMS)
    rest, _, query = found["rest"].partition("?")
    authority, _, name = rest.partition("/")
    credentials, _, hosts = authority.rpartition("@")
    user, _, password = credentials.partition(":")
    parameters = _parameters(query)
    _check_parameters(parameters)
    return PostgresUrl(
        hosts=_hosts(hosts, parameters),
        user=parameters.get("user") or _decode(user) or None,
        password=parameters.get("password") or _decode(password) or None,
        database=parameters.get("dbname") or _decode(name) or None,
        passfile=parameters.get("passfile"),
        tls={name: parameters[name] for name in _TLS if name in parameters},
        application_name=parameters.get("application_name", ""),
        options=parameters.get("options", ""),
        connect_timeout=float(parameters.get("connect_timeout", 0)),
        target_session_attrs=parameters.get("target_session_attrs"),
        pool_mode=_pool_mode(parameters),
    )


def _sqlite_path(url: str) -> str:
    file = url.removeprefix("sqlite:///")
    if "?" in file or "#" in file:
        message = "must be sqlite:///FILE without parameters; write ? as %3F and # as %23 in the file's name"
        raise ValueError(message)
    path = _decode(file)
    if file == url or path in {"", ":memory:"}:
        message = "must be sqlite:///FILE (relative to the current folder) or sqlite:////FILE (absolute)"
        raise ValueError(message)
    return path


def _decode(text: str) -> str:
    if _BAD_ESCAPE.search(text):
        message = "is not percent-encoded: write % as %25"
        raise ValueError(message)
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:
        message = "is not percent-encoded UTF-8"
        raise ValueError(message) from None


def _parameters(query: str) -> dict[str, str]:
    """Return the query's parameters under libpq's names. If a parameter is repeated, use its last value."""
    parameters = {}
    for pair in filter(None, query.split("&")):
        name, _, value = pair.partition("=")
        parameters[_decode(name)] = _decode(value)
    if "ssl" in parameters:  # the name in JDBC and in SQLAlchemy's dialect for asyncpg
        mode = parameters.pop("ssl")
        parameters.setdefault("sslmode", {"true": "require", "false": "disable"}.get(mode, mode))
    if "database" in parameters:  # asyncpg's name
        parameters.setdefault("dbname", parameters.pop("database"))
    return parameters


def _check_parameters(parameters: dict[str, str]) -> None:
    """Raise `ValueError` if a parameter, or its value, is not supported."""
    for name, value in parameters.items():
        if name in _UNSUPPORTED:
            message = f"has the parameter {name}, which Afterglow does not support: remove it"
            raise ValueError(message)
        if name not in KNOWN:
            nearest = get_close_matches(name, KNOWN, 1)
            advice = f"did you mean {nearest[0]}?" if nearest else f"the known parameters are {', '.join(KNOWN)}"
            message = f"has a parameter that is not known: {advice}"
            raise ValueError(message)
        expected = _ONE_OF.get(name)
        if expected is not None and value not in expected:
            remedy = f" ({_REMEDIES[name]})" if name in _REMEDIES else ""
            message = f"has the parameter {name} with a value that is not one of {', '.join(expected)}{remedy}"
            raise ValueError(message)
        if name in {"connect_timeout", *_CACHE_SIZES} and not _NUMBER.fullmatch(value):
            message = f"has the parameter {name} with a value that is not a whole number from 0 to {_MAX_NUMBER}"
            raise ValueError(message)
        if name in _TLS_FILES and not (name == "sslrootcert" and value == "system"):
            _check_readable(name, value)
    if parameters.get("sslrootcert") == "system" and parameters.get("sslmode") not in {None, "verify-full"}:
        message = "has sslrootcert=system, which needs sslmode=verify-full"
        raise ValueError(message)
    if parameters.get("sslnegotiation") == "direct" and parameters.get("sslmode") not in _SSL_MODES[3:]:
        message = "has sslnegotiation=direct, which needs sslmode=require, verify-ca or verify-full"
        raise ValueError(message)


def _check_readable(name: str, file: str) -> None:
    try:
        with Path(file).open("rb"):
            pass
    except OSError as error:
        message = f"has the parameter {name} with a file that cannot be read ({error.strerror}): {file}"
        raise ValueError(message) from None


def _hosts(authority: str, parameters: dict[str, str]) -> tuple[tuple[str, int | None], ...]:
    """Return the hosts with their ports.

    The parameters `host` and `port` override the hosts and ports that `authority`, the URL's part before the path, has.
    """
    if "host" in parameters:
        hosts: list[tuple[str, str | None]] = [(each, None) for each in parameters["host"].split(",")]
    else:
        hosts = [_host(each) for each in authority.split(",")] if authority else []
    ports = parameters["port"].split(",") if parameters.get("port") else []
    if len(ports) > 1 and len(ports) != len(hosts):
        message = "has the parameter port with more or fewer ports than hosts"
        raise ValueError(message)
    if not hosts and ports:
        hosts = [("", None)]
    for name, _ in hosts:
        _check_host_name(name)
    given: list[str | None] = [*ports] * len(hosts) if len(ports) == 1 else [*ports] or [port for _, port in hosts]
    return tuple((host, _port(port)) for (host, _), port in zip(hosts, given, strict=True))


def _host(text: str) -> tuple[str, str | None]:
    found = _HOST.fullmatch(text)
    if found is None:
        raise ValueError(_FORMS)
    return _decode(found["ipv6"] or found["name"] or ""), found["port"]


def _check_host_name(name: str) -> None:
    """Raise `ValueError` if a host name cannot be looked up. The path of a folder of sockets is not checked."""
    if name.startswith("/"):
        return
    try:
        name.encode("idna")
    except UnicodeError:
        message = "has a host name with an empty part, or one of more than 63 characters: correct it"
        raise ValueError(message) from None


def _port(text: str | None) -> int | None:
    if not text:
        return None
    if not _NUMBER.fullmatch(text) or not 1 <= int(text) <= _MAX_PORT:
        message = (
            f"has a port that is not a number from 1 to {_MAX_PORT}; a / or : in the password must be percent-encoded"
        )
        raise ValueError(message)
    return int(text)


def _pool_mode(parameters: dict[str, str]) -> str | None:
    """Return the parameter `pool_mode`.

    Without it, return `transaction` if a parameter of another library implies that mode, else None.
    """
    if "pool_mode" in parameters:
        return parameters["pool_mode"]
    has_no_cache = any(int(parameters.get(name, 1)) == 0 for name in _CACHE_SIZES)
    return "transaction" if has_no_cache or parameters.get("pgbouncer") == "true" else None
