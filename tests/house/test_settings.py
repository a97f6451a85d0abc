"""Settings: documented in .env.example, read from the environment and a file, and refused in production if unsafe."""

import re
from email.policy import default
from pathlib import Path

import pytest
from pydantic import ValidationError

from app import starting
from app.keyring.rotation import create_keyring
from app.settings import Environment, MailBackend, Settings

EXAMPLE = Path(__file__).parents[2] / ".env.example"
LINE = re.compile(r"# (?P<sentence>.+)\n#(?P<name>AFTERGLOW_[A-Z_]+)=(?P<value>.*)\n")
SAFE = {
    "env": Environment.PRODUCTION,
    "database_url": "postgresql://afterglow@db/afterglow",
    "issuer": "https://api.wisteria.example",
    "mail": MailBackend.SMTP,
    "mail_from": "Afterglow <hello@wisteria.example>",
}

pytestmark = pytest.mark.usefixtures("empty_folder")


def test_the_example_file_lists_every_setting_with_its_description_in_order() -> None:
    listed = [(found["name"], found["sentence"]) for found in LINE.finditer(EXAMPLE.read_text())]
    fields = Settings.model_fields
    assert listed == [(f"AFTERGLOW_{name.upper()}", field.description) for name, field in fields.items()]


def test_the_example_file_with_every_line_uncommented_sets_the_defaults(tmp_path: Path) -> None:
    uncommented = "\n".join(f"{found['name']}={found['value']}" for found in LINE.finditer(EXAMPLE.read_text()))
    (tmp_path / ".env").write_text(uncommented)
    assert Settings() == Settings.model_construct()
    assert dict(Settings()) == {name: field.default for name, field in Settings.model_fields.items()}


def test_every_setting_has_a_description() -> None:
    for field in Settings.model_fields.values():
        assert field.description is not None
        assert field.description.endswith(".")


def test_settings_are_read_from_the_file_and_the_environment_overrides_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text(
        "AFTERGLOW_AUDIENCE=wisteria\nAFTERGLOW_ORIGINS=https://a.example, https://b.example\nOTHER=1\n"
    )
    monkeypatch.setenv("AFTERGLOW_DATABASE_POOL", "3")
    monkeypatch.setenv("AFTERGLOW_TRUSTED_PROXIES", "")
    settings = Settings()
    assert settings.audience == "wisteria"
    assert settings.origins == ["https://a.example", "https://b.example"]
    assert settings.database_pool == 3
    assert settings.trusted_proxies == []
    monkeypatch.setenv("AFTERGLOW_AUDIENCE", "the environment's")
    assert Settings().audience == "the environment's"


@pytest.mark.parametrize("url", ["sqlite:///a.db", "sqlite:////a/b.db", "postgresql://a:b@c:5432/d", "postgres:///d"])
def test_a_database_url_says_which_database_is_used(url: str) -> None:
    settings = Settings(database_url=url)
    assert settings.uses_sqlite == url.startswith("sqlite")


def test_an_invalid_database_url_is_refused_without_repeating_it() -> None:
    with pytest.raises(ValidationError) as refusal:
        Settings(database_url="mysql://a:wisteria@b/c")
    assert "wisteria" not in refusal.value.errors(include_input=False)[0]["msg"]


def test_docs_are_served_in_development_unless_configured_otherwise() -> None:
    assert Settings().serves_docs
    assert not Settings(docs=False).serves_docs
    assert not Settings(env=Environment.PRODUCTION).serves_docs
    assert Settings(env=Environment.PRODUCTION, docs=True).serves_docs


@pytest.fixture
def keyring(tmp_path: Path) -> Path:
    path = tmp_path / "wisteria.json"
    create_keyring(path, generated=False)
    return path


def reasons(keyring: Path, **changes: object) -> list[str]:
    return starting.prepare(Settings.model_validate(SAFE | {"keyring": keyring} | changes))


def test_production_starts_on_safe_settings(keyring: Path) -> None:
    assert reasons(keyring) == []
    assert reasons(keyring, database_url="sqlite:///wisteria.db", allow_sqlite=True) == []


UNSAFE: dict[str, dict[str, object]] = {
    "AFTERGLOW_DATABASE_URL": {"database_url": "sqlite:///wisteria.db"},
    "AFTERGLOW_ORIGINS": {"origins": ["https://wisteria.example", "*"]},
    "AFTERGLOW_TRUSTED_PROXIES": {"trusted_proxies": ["*"]},
    "AFTERGLOW_MAIL": {"mail": MailBackend.CONSOLE},
    "AFTERGLOW_DEMO": {"demo": True},
    "AFTERGLOW_ISSUER": {"issuer": "https://afterglow.invalid"},
    "AFTERGLOW_MAIL_FROM": {"mail_from": "Afterglow <afterglow@localhost>"},
}


ALL_IN_PARTS = ["0.0.0.0/1,128.0.0.0/1", "::/1,8000::/1", "128.0.0.0/1,0.0.0.0/2,::1,64.0.0.0/2"]


@pytest.mark.parametrize("networks", ["0.0.0.0/0", "::/0", "10.0.0.0/0", "0.0.0.0/0.0.0.0", *ALL_IN_PARTS])
def test_production_refuses_trusted_proxies_that_cover_all_addresses(keyring: Path, networks: str) -> None:
    (reason,) = reasons(keyring, trusted_proxies=f"10.0.0.0/8,{networks}")
    assert reason == "AFTERGLOW_TRUSTED_PROXIES must not cover all addresses: list the addresses of your proxies"


def test_production_accepts_trusted_proxies_that_do_not_cover_all_addresses(keyring: Path) -> None:
    assert reasons(keyring, trusted_proxies=["10.0.0.0/8", "10.0.0.10", "fd00::/8"]) == []
    assert reasons(keyring, trusted_proxies=["0.0.0.0/1", "8000::/1"]) == []


@pytest.mark.parametrize("name", UNSAFE)
def test_production_refuses(keyring: Path, name: str) -> None:
    (reason,) = reasons(keyring, **UNSAFE[name])
    assert reason.startswith(f"{name} ")
    assert "wisteria" not in reason


def test_production_refuses_a_missing_keyring_and_does_not_create_one(tmp_path: Path) -> None:
    path = tmp_path / "none.json"
    assert reasons(path) == [
        f"AFTERGLOW_KEYRING names {path}, which does not exist: run `afterglow keys create {path}`"
    ]
    assert not path.exists()


def test_production_refuses_a_keyring_that_a_development_start_created(tmp_path: Path) -> None:
    path = tmp_path / "made.json"
    assert starting.prepare(Settings(keyring=path)) == []
    assert path.stat().st_mode & 0o777 == 0o600
    (reason,) = reasons(path)
    assert reason == (
        f"AFTERGLOW_KEYRING names {path}, which a development start generated: create another file with "
        "`afterglow keys create FILE`"
    )


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_production_refuses_a_keyring_that_others_can_read_or_change(keyring: Path, mode: int) -> None:
    keyring.chmod(mode)
    assert reasons(keyring) == [
        f"AFTERGLOW_KEYRING names {keyring}, which others can read or change: run `chmod 600 {keyring}`"
    ]


def test_production_refuses_a_ledger_that_cannot_be_written(keyring: Path, tmp_path: Path) -> None:
    path = tmp_path / "nowhere" / "ledger"
    (reason,) = reasons(keyring, ledger=path)
    assert reason.startswith(
        f"the ledger of erasures, {path}, cannot be written by this user: set AFTERGLOW_LEDGER to "
    )
    assert starting.prepare(Settings(keyring=keyring, ledger=path)) == []


def test_production_refuses_a_short_secret(keyring: Path) -> None:
    keyring.write_text(re.sub(r'"secret": "[^"]+"', '"secret": "d2lzdGVyaWE="', keyring.read_text()))
    assert reasons(keyring) == [f"AFTERGLOW_KEYRING names {keyring}, whose secret is too short: create another keyring"]


@pytest.mark.parametrize("content", ["", "wisteria", "{}", '{"keys": [], "secret": ""}', "[]"])
def test_production_refuses_a_file_that_is_no_keyring(keyring: Path, content: str) -> None:
    keyring.write_text(content)
    assert reasons(keyring) == [
        f"AFTERGLOW_KEYRING names {keyring}, which is not a keyring: restore it from your secret store"
    ]


def test_production_refuses_a_keyring_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "none").write_text("")
    path = tmp_path / "none" / "keys.json"
    assert reasons(path) == [
        f"AFTERGLOW_KEYRING names {path}, which this user cannot read (Not a directory): check its owner"
    ]


def test_production_refuses_a_keyring_that_is_a_folder(tmp_path: Path) -> None:
    assert reasons(tmp_path) == [f"AFTERGLOW_KEYRING names {tmp_path}, which is a folder: name a file in it"]


def test_all_reasons_are_listed_at_once(tmp_path: Path) -> None:
    changes: dict[str, object] = {}
    for each in UNSAFE.values():
        changes |= each
    listed = reasons(tmp_path / "none.json", **changes)
    assert [reason.split(" ")[0] for reason in listed] == [*UNSAFE, "AFTERGLOW_KEYRING"]


def test_development_keeps_an_existing_keyring(keyring: Path) -> None:
    before = keyring.read_bytes()
    assert starting.prepare(Settings(keyring=keyring)) == []
    assert keyring.read_bytes() == before


def test_development_reports_a_keyring_that_cannot_be_created(tmp_path: Path) -> None:
    path = tmp_path / "nowhere" / "keys.json"
    assert starting.prepare(Settings(keyring=path)) == [
        f"AFTERGLOW_KEYRING names {path}, which cannot be created (No such file or directory)"
    ]


def test_development_refuses_a_keyring_that_is_a_dangling_link(tmp_path: Path) -> None:
    link = tmp_path / "link.json"
    link.symlink_to(tmp_path / "nowhere.json")
    (reason,) = starting.prepare(Settings(keyring=link))
    assert reason == f"AFTERGLOW_KEYRING names {link}, which does not exist: run `afterglow keys create {link}`"


@pytest.mark.parametrize(
    ("proxy", "forwarders"),
    [
        ("10.0.0.5", ["10.0.0.5", "::ffff:10.0.0.5/128"]),
        ("10.1.2.3/8", ["10.0.0.0/8", "::ffff:10.0.0.0/104"]),
        ("::ffff:10.0.0.5", ["10.0.0.5", "::ffff:10.0.0.5/128"]),
        ("::ffff:10.0.0.0/104", ["10.0.0.0/8", "::ffff:10.0.0.0/104"]),
        ("fd00::1", ["fd00::1"]),
        ("fd00::/8", ["fd00::/8"]),
        ("*", ["*"]),
    ],
)
def test_a_trusted_proxy_is_recognised_by_its_ipv4_address_in_both_forms(proxy: str, forwarders: list[str]) -> None:
    assert Settings.model_validate({"trusted_proxies": proxy}).forwarders == forwarders


@pytest.mark.parametrize("path", ["", "/afterglow", "/a/b-c/d.e_f~g"])
def test_valid_root_paths(path: str) -> None:
    assert Settings(root_path=path).root_path == path


@pytest.mark.parametrize(
    "path", ["/", "afterglow", "/afterglow/", "//a", "/a b", "/a?b", "/a#b", "/%41", "https://a/b"]
)
def test_invalid_root_paths_are_refused(path: str) -> None:
    with pytest.raises(ValidationError):
        Settings(root_path=path)


@pytest.mark.parametrize(
    ("given", "origin"),
    [
        ("https://APP.example.org:443", "https://app.example.org"),
        ("HTTP://app.example.org:80", "http://app.example.org"),
        ("https://app.example.org:80", "https://app.example.org:80"),
        ("http://[::1]:8080", "http://[::1]:8080"),
        ("capacitor://localhost", "capacitor://localhost"),
        ("ionic://localhost", "ionic://localhost"),
        ("wisteria://App", "wisteria://App"),
        ("*", "*"),
    ],
)
def test_an_origin_is_kept_as_browsers_send_it(given: str, origin: str) -> None:
    assert Settings.model_validate({"origins": given}).origins == [origin]


@pytest.mark.parametrize(
    "sender",
    ["hello@example.org", "<hello@example.org>", "St. Ann <hello@example.org>", '"Wistéria, Inc." <a.b+c@localhost>'],
)
def test_valid_senders(sender: str) -> None:
    assert Settings(mail_from=sender).mail_from == sender
    (found,) = default.header_factory("From", sender).addresses
    assert f"{found.username}@{found.domain}" in sender


def test_an_empty_variable_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AFTERGLOW_AUDIENCE", "")
    assert Settings().audience == "afterglow"


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "::", "localhost", "metrics.example.org"])
def test_valid_hosts_for_metrics(host: str) -> None:
    assert Settings(metrics_host=host).metrics_host == host
