"""Settings that are not valid, and names that are none: a line for each, with the bounds and the nearest name."""

import re
from pathlib import Path

import pytest

from app.settings import Environment, MailBackend, Notice, Settings
from tests.house.commands import afterglow

FREE = {"keyring", "audience", "smtp_host", "smtp_user", "smtp_password", "ledger", "instruments", "help"}
"""The settings that can be any text."""
SWITCH = ["true", "false"]
CHOICES = {
    "env": [*Environment],
    "mail": [*MailBackend],
    "notices": [*Notice, "none"],
    "second_factor_roles": ["clinician", "admin"],
    "database_url": ["sqlite:///FILE", "postgresql://"],
    "allow_sqlite": SWITCH,
    "smtp_starttls": SWITCH,
    "docs": SWITCH,
    "demo": SWITCH,
}

pytestmark = pytest.mark.usefixtures("empty_folder")


def lines(**settings: str) -> list[str]:
    """Return the error lines of a command that reads these settings."""
    result = afterglow("keys", "list", **settings)
    assert (result.status, result.out) == (78, "")
    first, *others = result.err.splitlines()
    assert first == "afterglow: invalid settings:"
    return others


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        ("env", "staging", "must be development or production"),
        ("database_pool", "0", "must be a whole number from 1 to 200"),
        ("database_pool", "many", "must be a whole number from 1 to 200"),
        ("max_body_bytes", "12", "must be a whole number of at least 1024"),
        ("metrics_port", "65536", "must be a whole number from 1 to 65535"),
        ("metrics_port", "0", "must be a whole number from 1 to 65535"),
        ("statement_seconds", "soon", "must be a number"),
        ("quota_records", "2147483648", "must be a whole number from 1 to 2147483647"),
        ("second_factor_roles", "nurse", "must list any of clinician, admin, separated by commas"),
        ("notices", "password, weather", "must list any of new-device, password, e-mail-address, copied-sign-in, "),
        ("docs", "perhaps", "must be true or false"),
        ("database_url", "mysql://h/n", "must be sqlite:///FILE or postgresql://"),
        ("issuer", "api.example.org", "must be this API's own URL with its scheme, and without user, query"),
        ("issuer", "https://api.example.org/?a=b", "must be this API's own URL"),
        ("origins", "https://app.example.org/", "must list origins: scheme, host and port if any, without a slash"),
        ("origins", "https://app.example.org/path", "must list origins"),
        ("origins", "app.example.org", "must list origins"),
        (
            "hosts",
            "https://api.example.org",
            "must list host names in ASCII, without scheme, port, path and *, such as",
        ),
        ("hosts", "api.example.org:8000", "must list host names"),
        ("hosts", "*", "must list host names"),
        ("hosts", "*.example.org", "must list host names"),
        ("hosts", ".example.org", "must list host names"),
        ("hosts", "wistéria.example", "must list host names"),
        ("issuer", "https://user:pw@api.example.org", "must be this API's own URL"),
        ("issuer", "https://api.example.org/#", "must be this API's own URL"),
        ("issuer", "https://api.example.org?", "must be this API's own URL"),
        ("issuer", "https://[::1", "must be this API's own URL"),
        ("issuer", "https://api.example.org:https", "must be this API's own URL"),
        ("origins", "https://*.example.org", "must list origins"),
        ("origins", "https://wistéria.example", "must list origins"),
        (
            "mail_from",
            "Afterglow",
            "must be an e-mail address, alone or after a name, such as Afterglow <hello@example.org>",
        ),
        ("mail_from", "Afterglow hello@example.org", "must be an e-mail address"),
        ("mail_from", "Afterglow <hello>", "must be an e-mail address"),
        ("mail_from", "Afterglow, Inc <hello@example.org>", "must be an e-mail address"),
        ("mail_from", "a@example.org, b@example.org", "must be an e-mail address"),
        ("mail_from", "hello@example.org\nBcc: b@example.org", "must be an e-mail address"),
        ("metrics_host", "http://127.0.0.1", "must be an IP address or a host name of this machine, such as 127.0.0.1"),
        ("metrics_host", "*", "must be an IP address or a host name of this machine"),
        ("trusted_proxies", "proxy.example.org", "must list IP addresses or networks, such as 10.0.0.5"),
        ("trusted_proxies", "10.0.0.300", "must list IP addresses or networks"),
        ("root_path", "afterglow", "must be a path without a slash at its end, such as /afterglow"),
        ("root_path", "/afterglow/", "must be a path without a slash at its end"),
    ],
)
def test_a_setting_that_is_not_valid_says_what_it_must_be(name: str, value: str, line: str) -> None:
    (found,) = lines(**{name: value})
    assert found.startswith(f"- AFTERGLOW_{name.upper()} {line}")


@pytest.mark.parametrize("name", [name for name in Settings.model_fields if name not in FREE])
def test_each_setting_names_its_bounds_its_choices_or_an_example(name: str) -> None:
    (line,) = lines(**{name: "://"})
    metadata = Settings.model_fields[name].metadata
    bounds = [getattr(each, bound) for each in metadata for bound in ("ge", "le") if hasattr(each, bound)]
    expected = bounds or CHOICES.get(name) or ["such as"]
    assert all(re.search(rf"(?<!\S){each}\b", line) for each in expected), line


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("databse_url", "AFTERGLOW_DATABSE_URL is not a setting: did you mean AFTERGLOW_DATABASE_URL?"),
        ("qqq", "AFTERGLOW_QQQ is not a setting; see .env.example, or remove it"),
        ("host", "AFTERGLOW_HOST is not a setting: use the option --host of `afterglow serve`"),
        ("port", "AFTERGLOW_PORT is not a setting: use the option --port of `afterglow serve`"),
        ("workers", "AFTERGLOW_WORKERS is not a setting: use the option --workers of `afterglow serve`"),
    ],
)
def test_a_misspelt_name_is_reported_with_the_nearest_one(name: str, line: str) -> None:
    assert lines(**{name: "x"}) == [f"- {line}"]


def test_a_misspelt_name_in_the_env_file_is_reported() -> None:
    Path(".env").write_text("AFTERGLOW_KEYRIN=keys.json\nOTHER=1\n")
    assert lines() == ["- AFTERGLOW_KEYRIN is not a setting: did you mean AFTERGLOW_KEYRING?"]


@pytest.mark.parametrize("line", ["AFTERGLOW_ENV", " export AFTERGLOW_ENV # x", "OTHER\nAFTERGLOW_ENV\nOTHER=1"])
def test_a_line_of_the_env_file_without_a_value_is_reported(line: str) -> None:
    Path(".env").write_text(f"# AFTERGLOW_MAIL\n{line}\nAFTERGLOW_AUDIENCE = x\n")
    assert lines() == ["- the file .env has AFTERGLOW_ENV without a value: write AFTERGLOW_ENV=VALUE"]


def test_an_env_file_that_cannot_be_read_is_reported() -> None:
    Path(".env").write_bytes(b"AFTERGLOW_ENV=\xff\n")
    assert lines() == ["- the file .env cannot be read: check its mode, and that it is UTF-8"]


def test_the_names_that_kubernetes_sets_for_a_service_are_no_settings() -> None:
    result = afterglow("keys", "list", port="tcp://10.0.0.1:80", service_host="10.0.0.1", port_80_tcp_addr="10.0.0.1")
    assert result.status == 1
