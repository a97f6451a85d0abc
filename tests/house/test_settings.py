"""Settings: documented in .env.example, read from the environment and a file, and refused in production if unsafe."""

import re
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
        "AFTERGLOW_AUDIENCE=wisteria\nAFTERGLOW_ORIGINS=https://a.example, https://b.example\nOTHER=1\nAFTERGLOW_OLD=1\n"
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


@pytest.mark.parametrize("url", ["sqlite:///a.db", "sqlite:////a/b.db", "postgresql://a:b@c:5432/d", "postgresql:///d"])
def test_valid_database_urls(url: str) -> None:
    settings = Settings(database_url=url)
    assert settings.uses_sqlite == url.startswith("sqlite")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "wisteria",
        "sqlite://",
        "sqlite:///",
        "sqlite:///:memory:",
        "sqlite:///a.db?mode=ro",
        "sqlite:///a.db#b",
        "sqlite+aiosqlite:///a.db",
        "postgres://a/b",
        "postgresql+asyncpg://a/b",
        "postgresql://a:wisteria/b",
        "postgresql://a:99999/b",
        "postgresql://a:0/b",
        "mysql://a/b",
    ],
)
def test_invalid_database_urls_are_refused(url: str) -> None:
    with pytest.raises(ValidationError):
        Settings(database_url=url)


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
}


ALL_IN_PARTS = ["0.0.0.0/1,128.0.0.0/1", "::/1,8000::/1", "128.0.0.0/1,wisteria,0.0.0.0/2,::1,64.0.0.0/2"]


@pytest.mark.parametrize("networks", ["0.0.0.0/0", "::/0", "10.0.0.0/0", "0.0.0.0/0.0.0.0", *ALL_IN_PARTS])
def test_production_refuses_trusted_proxies_that_cover_all_addresses(keyring: Path, networks: str) -> None:
    (reason,) = reasons(keyring, trusted_proxies=f"10.0.0.0/8,{networks}")
    assert reason == "AFTERGLOW_TRUSTED_PROXIES must not cover all addresses: list the addresses of your proxies"


def test_production_accepts_trusted_proxies_that_do_not_cover_all_addresses(keyring: Path) -> None:
    assert reasons(keyring, trusted_proxies=["10.0.0.0/8", "10.0.0.10", "fd00::/8", "proxy.wisteria.example"]) == []
    assert reasons(keyring, trusted_proxies=["0.0.0.0/1", "8000::/1"]) == []


@pytest.mark.parametrize("name", UNSAFE)
def test_production_refuses(keyring: Path, name: str) -> None:
    (reason,) = reasons(keyring, **UNSAFE[name])
    assert reason.startswith(name)
    assert "wisteria" not in reason


def test_production_refuses_a_missing_keyring_and_does_not_create_one(tmp_path: Path) -> None:
    assert reasons(tmp_path / "none.json") == ["AFTERGLOW_KEYRING names a file that cannot be read"]
    assert not (tmp_path / "none.json").exists()


def test_production_refuses_a_keyring_that_a_development_start_created(tmp_path: Path) -> None:
    path = tmp_path / "made.json"
    assert starting.prepare(Settings(keyring=path)) == []
    assert path.stat().st_mode & 0o777 == 0o600
    (reason,) = reasons(path)
    assert reason.startswith("AFTERGLOW_KEYRING was generated")
    assert str(tmp_path) not in reason


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_production_refuses_a_keyring_that_others_can_read_or_change(keyring: Path, mode: int) -> None:
    keyring.chmod(mode)
    assert reasons(keyring) == ["AFTERGLOW_KEYRING names a file that others can read or change; give it mode 600"]


def test_production_refuses_a_short_secret(keyring: Path) -> None:
    keyring.write_text(re.sub(r'"secret": "[^"]+"', '"secret": "d2lzdGVyaWE="', keyring.read_text()))
    assert reasons(keyring) == ["AFTERGLOW_KEYRING names a file whose secret is too short"]


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


def test_development_reports_a_keyring_that_cannot_be_written(tmp_path: Path) -> None:
    found = starting.prepare(Settings(keyring=tmp_path / "nowhere" / "keys.json"))
    assert found == [
        "AFTERGLOW_KEYRING names a file that cannot be written",
        "AFTERGLOW_KEYRING names a file that cannot be read",
    ]


def test_development_refuses_a_keyring_that_is_a_dangling_link(tmp_path: Path) -> None:
    link = tmp_path / "link.json"
    link.symlink_to(tmp_path / "nowhere.json")
    assert starting.prepare(Settings(keyring=link)) == ["AFTERGLOW_KEYRING names a file that cannot be read"]


@pytest.mark.parametrize("path", ["", "/afterglow", "/a/b-c/d.e_f~g"])
def test_valid_root_paths(path: str) -> None:
    assert Settings(root_path=path).root_path == path


@pytest.mark.parametrize(
    "path", ["/", "afterglow", "/afterglow/", "//a", "/a b", "/a?b", "/a#b", "/%41", "https://a/b"]
)
def test_invalid_root_paths_are_refused(path: str) -> None:
    with pytest.raises(ValidationError):
        Settings(root_path=path)
