"""The reader of database URLs: what it takes, and a line without secrets for what it does not."""

from pathlib import Path
from typing import Any

import pytest

from app.database_url import KNOWN, PostgresUrl, SqliteUrl, read_database_url

SECRET = "wisteria"


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:///afterglow.db", "afterglow.db"),
        ("sqlite:////var/lib/afterglow.db", "/var/lib/afterglow.db"),
        ("sqlite:////var/lib/after%20glow%3F%25.db", "/var/lib/after glow?%.db"),
        ("sqlite:///%C3%A9.db", "é.db"),
    ],
)
def test_the_path_of_a_sqlite_file(url: str, path: str) -> None:
    assert read_database_url(url) == SqliteUrl(path)


@pytest.mark.parametrize(
    "url",
    [
        "sqlite://",
        "sqlite:///",
        "sqlite://afterglow.db",
        "sqlite:afterglow.db",
        "sqlite:///:memory:",
        "sqlite:///a.db?mode=ro",
        "sqlite:///a.db#part",
        "sqlite:///a%zz.db",
        "sqlite:///a%00.db",
        "sqlite:///%ff.db",
    ],
)
def test_a_sqlite_url_that_names_no_file_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"^(must be sqlite:|is not percent-encoded)"):
        read_database_url(url)


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("postgresql://db.example.org/name", {"hosts": (("db.example.org", None),), "database": "name"}),
        ("postgres://u:p@h:1234/n", {"hosts": (("h", 1234),), "user": "u", "password": "p", "database": "n"}),
        ("postgresql+asyncpg://h/n", {"hosts": (("h", None),), "database": "n"}),
        ("postgresql://u%40x:p%2Fq%3A@h/n%20m", {"user": "u@x", "password": "p/q:", "database": "n m"}),
        ("postgresql://[::1]:5433/n", {"hosts": (("::1", 5433),)}),
        ("postgresql://a:1,b:2,c/n", {"hosts": (("a", 1), ("b", 2), ("c", None))}),
        ("postgresql://a,b/n?port=5433", {"hosts": (("a", 5433), ("b", 5433))}),
        ("postgresql://a,b/n?port=1,2", {"hosts": (("a", 1), ("b", 2))}),
        ("postgresql:///n?host=/run/postgresql", {"hosts": (("/run/postgresql", None),)}),
        ("postgresql:///n?host=a,b&port=1,2", {"hosts": (("a", 1), ("b", 2))}),
        ("postgresql:///n?port=5433", {"hosts": (("", 5433),)}),
        ("postgresql:///", {"hosts": (), "database": None, "user": None}),
        ("postgresql:///?dbname=n&user=u&password=p&passfile=f", {"database": "n", "user": "u", "passfile": "f"}),
        ("postgresql:///?database=n", {"database": "n"}),
        ("postgresql://h/n?sslmode=require", {"tls": {"sslmode": "require"}}),
        ("postgresql://h/n?ssl=true", {"tls": {"sslmode": "require"}}),
        ("postgresql://h/n?ssl=false", {"tls": {"sslmode": "disable"}}),
        ("postgresql://h/n?ssl=verify-ca", {"tls": {"sslmode": "verify-ca"}}),
        ("postgresql://h/n?sslrootcert=system", {"tls": {"sslrootcert": "system"}}),
        ("postgresql://h/n?connect_timeout=3&application_name=x", {"connect_timeout": 3.0, "application_name": "x"}),
        ("postgresql://h/n?options=-c%20geqo%3Doff", {"options": "-c geqo=off"}),
        ("postgresql://h/n?target_session_attrs=read-write", {"target_session_attrs": "read-write"}),
        ("postgresql://h/n?channel_binding=prefer&gssencmode=disable", {"tls": {}}),
        ("postgresql://h/n?pool_mode=session", {"pool_mode": "session"}),
        ("postgresql://h/n?statement_cache_size=0", {"pool_mode": "transaction"}),
        ("postgresql://h/n?statement_cache_size=100", {"pool_mode": None}),
        ("postgresql://h/n?pgbouncer=true", {"pool_mode": "transaction"}),
        ("postgresql://h/n?&", {"database": "n"}),
    ],
)
def test_the_parts_of_a_postgresql_url(url: str, parts: dict[str, Any]) -> None:
    found = read_database_url(url)
    assert {name: getattr(found, name) for name in parts} == parts


def test_the_tls_parameters_are_passed_on_as_a_url() -> None:
    url = read_database_url("postgresql://h/n?sslmode=require&sslpassword=a%26b")
    assert isinstance(url, PostgresUrl)
    assert url.tls_url() == "postgresql:///?sslmode=require&sslpassword=a%26b"
    plain = read_database_url("postgresql://h/n")
    assert isinstance(plain, PostgresUrl)
    assert plain.tls_url() is None


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("mysql://h/n", "must be sqlite:///FILE or postgresql://"),
        ("", "must be sqlite:///FILE or postgresql://"),
        (f"postgresql://u:{SECRET}/x@h/n", "has a port that is not a number"),
        ("postgresql://h:0/n", "has a port that is not a number"),
        ("postgresql://h:99999/n", "has a port that is not a number"),
        ("postgresql://h:12a/n", "has a port that is not a number"),
        (f"postgresql://u:{SECRET}@a..b/n", "has a host name with an empty part, or one of more than 63 characters"),
        ("postgresql:///n?host=a," + "b" * 64, "has a host name with an empty part"),
        ("postgresql://[::1/n", "must be sqlite:///FILE or postgresql://"),
        (f"postgresql://u:{SECRET}%@h/n", "is not percent-encoded"),
        (f"postgresql://u:{SECRET}%ff@h/n", "is not percent-encoded UTF-8"),
        ("postgresql://a,b/n?port=1,2,3", "has the parameter port with more or fewer ports than hosts"),
        ("postgresql://h/n?sslmod=require", "did you mean sslmode?"),
        (f"postgresql://h/n?{SECRET}=1", "has a parameter that is not known: the known parameters are host, "),
        ("postgresql://h/n?sslmode=on", "not one of disable, allow, prefer, require, verify-ca, verify-full"),
        ("postgresql://h/n?channel_binding=require", "it cannot be required; use sslmode=verify-full"),
        ("postgresql://h/n?gssencmode=require", "GSSAPI encryption cannot be required"),
        ("postgresql://h/n?target_session_attrs=master", "not one of any, read-write"),
        ("postgresql://h/n?hostaddr=10.0.0.1", "hostaddr, which Afterglow does not support"),
        (
            "postgresql://h/n?connect_timeout=soon",
            "connect_timeout with a value that is not a whole number from 0 to 999999999",
        ),
        ("postgresql://h/n?connect_timeout=-1", "connect_timeout with a value that is not a whole number from 0 to"),
        ("postgresql://h/n?statement_cache_size=-1", "statement_cache_size with a value that is not a whole number"),
        ("postgresql://h/n?sslrootcert=/nowhere/ca.pem", "a file that cannot be read (No such file or directory)"),
        ("postgresql://h/n?sslrootcert=system&sslmode=require", "needs sslmode=verify-full"),
        ("postgresql://h/n?sslnegotiation=direct", "needs sslmode=require, verify-ca or verify-full"),
    ],
)
def test_a_url_that_cannot_be_honoured_is_explained_without_its_secrets(url: str, message: str) -> None:
    with pytest.raises(ValueError, match=r"^[^\n]+$") as raised:
        read_database_url(url)
    assert message in str(raised.value)
    assert SECRET not in str(raised.value)


def test_a_certificate_that_can_be_read_is_taken(tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    file.write_text("")
    url = read_database_url(f"postgresql://h/n?sslmode=verify-ca&sslrootcert={file}")
    assert isinstance(url, PostgresUrl)
    assert url.tls == {"sslmode": "verify-ca", "sslrootcert": str(file)}


def test_each_known_parameter_is_listed_once() -> None:
    assert len(set(KNOWN)) == len(KNOWN)
