"""`afterglow clinic …`: what an operator does to clinics and clients."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from app.clinics.codes import normalize
from tests.clinics.keys import ec_key, key_set, private_jwk, public_jwk, rsa_key
from tests.conftest import Databases
from tests.house.commands import Result, afterglow, assert_fails
from tests.house.terminal import answer_at_terminal
from tests.outbound.bad_urls import BAD_URLS

pytestmark = pytest.mark.usefixtures("empty_folder")
NO_ID = "019aa2c4-7b00-7000-8000-000000000000"
Json = dict[str, Any]
Run = Callable[..., Result]
ON_ONE = {
    "end": ["end", NO_ID],
    "client add": ["client", "add", NO_ID, "--jwks", "keys.json", "--scope", "system/*.*"],
    "client list": ["client", "list", NO_ID],
    "client keys": ["client", "keys", NO_ID],
    "client keys --jwks": ["client", "keys", NO_ID, "--jwks", "keys.json"],
    "client end": ["client", "end", NO_ID],
}
"""The commands on one clinic or client."""


@pytest.fixture
def clinic(databases: Databases, database: str) -> Run:
    """Run `afterglow clinic …` on an empty database, in a folder with a key set and a private one."""
    url = databases.fresh(database)
    Path("keys.json").write_bytes(key_set(public_jwk(rsa_key(), "first"), public_jwk(ec_key(), "second")))
    Path("private.json").write_bytes(key_set(private_jwk(ec_key(), "first")))
    return lambda *arguments: afterglow("clinic", *arguments, database_url=url)


def read(result: Result) -> Json:
    """Return what a command printed as JSON."""
    assert result.status == 0, result.err
    value: Json = orjson.loads(result.out)
    return value


def add_clinic(clinic: Run, name: str = "Wisteria House") -> Json:
    added: Json = read(clinic("add", name, "--json"))["clinic"]
    return added


def add_client(clinic: Run, clinic_id: str, *arguments: str) -> Json:
    words = [*arguments] if "--jwks-uri" in arguments else [*arguments, "--jwks", "keys.json"]
    added: Json = read(clinic("client", "add", clinic_id, "--scope", "system/*.rs", *words, "--json"))["client"]
    return added


def test_add_and_list_clinics(clinic: Run) -> None:
    assert clinic("list").out == "There is no clinic.\n"
    result = clinic("add", "Wisteria House", "--contact", "it@wisteria.example")
    found = re.fullmatch(
        r"Added Wisteria House\.\nId:         ([0-9a-f-]{36})\nShare code: ([0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4})\n",
        result.out,
    )
    assert found
    other = read(clinic("add", "Other", "--json"))
    assert other["changed"] is True
    assert {name: other["clinic"][name] for name in ("name", "contact", "ended_at")} == {
        "name": "Other",
        "contact": None,
        "ended_at": None,
    }
    assert normalize(other["clinic"]["share_code"]) is not None
    first, second = read(clinic("list", "--json"))["items"]
    assert first == other["clinic"]
    assert (second["id"], second["share_code"], second["contact"]) == (found[1], found[2], "it@wisteria.example")
    assert clinic("list").out.splitlines()[1] == f"{found[1]}  Wisteria House  {found[2]}  active"


@pytest.mark.parametrize(
    "name",
    ["", " Wisteria", "Wisteria ", "Wis\nteria", "Wis\x1bteria", "Wis\u202eteria", "W" * 201],
    ids=["empty", "blank before", "blank after", "line", "escape", "direction", "long"],
)
def test_an_invalid_name_is_refused(clinic: Run, name: str) -> None:
    refused = clinic("add", name)
    assert_fails(refused, "the name must have 1 to 200 printable characters, without leading or trailing spaces")
    assert clinic("list").out == "There is no clinic.\n"


def test_an_invalid_contact_is_refused(clinic: Run) -> None:
    assert_fails(clinic("add", "Wisteria", "--contact", "wisteria"), "the contact is not an e-mail address")
    assert clinic("list").out == "There is no clinic.\n"


def test_a_client_is_added_with_its_keys_scopes_and_purpose(clinic: Run) -> None:
    clinic_id = add_clinic(clinic)["id"]
    result = clinic("client", "add", clinic_id, "--jwks", "keys.json", "--scope", "system/Patient.crus system/Goal.rs")
    found = re.fullmatch(
        r"Added a client\.\nClient id:  ([0-9a-f-]{36})\n"
        r"Scopes:     system/Patient\.crus system/Goal\.rs\nPurpose:    treatment\n",
        result.out,
    )
    assert found
    other = add_client(clinic, add_clinic(clinic, "Other")["id"], "--purpose", "research")
    assert (other["purpose"], other["jwks_uri"], other["ended_at"]) == ("research", None, None)
    assert [key["kid"] for key in other["jwks"]["keys"]] == ["first", "second"]
    assert [each["id"] for each in read(clinic("client", "list", "--json"))["items"]] == [other["id"], found[1]]
    (own,) = read(clinic("client", "list", clinic_id, "--json"))["items"]
    assert own["scopes"] == "system/Patient.crus system/Goal.rs"
    assert clinic("client", "list", clinic_id).out == (
        f"{found[1]}  {clinic_id}  treatment  system/Patient.crus system/Goal.rs  active\n"
    )
    assert clinic("client", "list", add_clinic(clinic, "Third")["id"]).out == "There is no client.\n"


def test_the_keys_of_a_client_are_shown_and_replaced(clinic: Run) -> None:
    id = add_client(clinic, add_clinic(clinic)["id"])["id"]
    lines = clinic("client", "keys", id).out.splitlines()
    assert [line.split("  ")[:2] for line in lines] == [["first", "RSA 2048"], ["second", "EC P-384"]]
    assert all(re.fullmatch("[A-Za-z0-9_-]{43}", line.split("  ")[2]) for line in lines)
    assert len({line.split("  ")[2] for line in lines}) == 2
    Path("new.json").write_bytes(key_set(public_jwk(ec_key(), "third")))
    assert clinic("client", "keys", id, "--jwks", "new.json").out.startswith(f"Replaced the keys.\nClient id:  {id}\n")
    assert clinic("client", "keys", id).out == lines[1].replace("second", "third") + "\n"
    url = "https://wisteria.example/jwks.json"
    changed = read(clinic("client", "keys", id, "--jwks-uri", url, "--json"))
    assert (changed["changed"], changed["client"]["jwks"], changed["client"]["jwks_uri"]) == (True, None, url)
    assert clinic("client", "keys", id).out == f"Keys from {url}\n"
    assert read(clinic("client", "keys", id, "--json")) == changed | {"changed": False}


def test_an_ended_client_and_a_client_of_an_ended_clinic_cannot_be_changed(clinic: Run) -> None:
    clinic_id = add_clinic(clinic)["id"]
    id = add_client(clinic, clinic_id)["id"]
    assert clinic("client", "end", id).out.startswith(f"Ended the client.\nClient id:  {id}\n")
    assert clinic("client", "end", id).out.startswith("The client has ended already.\n")
    ended = read(clinic("client", "list", "--json"))["items"][0]["ended_at"]
    assert ended is not None
    assert f"ended {ended}" in clinic("client", "list").out
    refused = clinic("client", "keys", id, "--jwks", "keys.json")
    assert_fails(refused, f"no active client has the id {id}; nothing was changed")
    result = read(clinic("end", clinic_id, "--json"))
    assert (result["changed"], result["clinic"]["ended_at"] is None) == (True, False)
    assert read(clinic("end", clinic_id, "--json")) == result | {"changed": False}
    assert clinic("end", clinic_id).out.startswith("Wisteria House has ended already.\n")
    refused = clinic("client", "add", clinic_id, "--jwks", "keys.json", "--scope", "system/*.rs")
    assert_fails(refused, f"no active clinic has the id {clinic_id}; nothing was changed")


@pytest.mark.parametrize("command", ON_ONE)
def test_an_unknown_id_is_refused(clinic: Run, command: str) -> None:
    assert_fails(clinic(*ON_ONE[command]), f"no [a-z ]+ has the id {NO_ID}(; nothing was changed)?")


@pytest.mark.parametrize("command", ON_ONE)
def test_what_is_no_id_is_refused(clinic: Run, command: str) -> None:
    result = clinic(*("wisteria" if word == NO_ID else word for word in ON_ONE[command]))
    assert result.status == 2
    assert "Invalid value" in result.err


SOURCES = {
    "none": ([], "give the client's public keys by --jwks FILE or by --jwks-uri URL, not both"),
    "both": (["--jwks", "keys.json", "--jwks-uri", "https://a.example/"], "give the client's public keys .+"),
    "no such file": (["--jwks", "none.json"], "none.json cannot be read"),
    "a folder": (["--jwks", "."], ". cannot be read"),
    "a private key": (["--jwks", "private.json"], "private.json: key 1: it is a private key .+: replace it with .+"),
    "no https": (["--jwks-uri", "ftp://a.example/"], "the URL of --jwks-uri is refused: it must begin with https://"),
    "no port for it": (
        ["--jwks-uri", "https://a.example:25/"],
        "the URL of --jwks-uri is refused: its port must be .+",
    ),
}


@pytest.mark.parametrize("case", SOURCES)
def test_keys_from_no_usable_source_are_refused(clinic: Run, case: str) -> None:
    words, reason = SOURCES[case]
    clinic_id = add_clinic(clinic)["id"]
    assert_fails(clinic("client", "add", clinic_id, "--scope", "system/*.rs", *words), reason)
    assert clinic("client", "list").out == "There is no client.\n"


def test_a_url_of_keys_that_the_server_would_not_fetch_is_refused(clinic: Run) -> None:
    id = add_client(clinic, clinic_id := add_clinic(clinic)["id"])["id"]
    for words in (["add", clinic_id, "--scope", "system/*.rs"], ["keys", id]):
        for url in BAD_URLS.values():
            assert_fails(clinic("client", *words, "--jwks-uri", url), "the URL of --jwks-uri is refused: .+")
    (kept,) = read(clinic("client", "list", "--json"))["items"]
    assert kept["jwks_uri"] is None


def test_an_unsupported_scope_is_refused(clinic: Run) -> None:
    words = ["client", "add", add_clinic(clinic)["id"], "--jwks", "keys.json", "--scope", "system/Patient.cruds"]
    assert_fails(clinic(*words), "the scope system/Patient.cruds goes beyond what is supported: system/Patient.crus")
    assert clinic("client", "list").out == "There is no client.\n"


def test_http_is_refused_in_production(clinic: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    clinic_id = add_clinic(clinic)["id"]
    assert add_client(clinic, clinic_id, "--jwks-uri", "http://localhost:8080/keys")["jwks"] is None
    monkeypatch.setenv("AFTERGLOW_ENV", "production")
    words = ["client", "add", clinic_id, "--scope", "system/*.rs", "--jwks-uri", "http://localhost:8080/keys"]
    assert_fails(clinic(*words), "the URL of --jwks-uri is refused: it must begin with https://")


@pytest.mark.parametrize("command", ["add", "list", *ON_ONE])
def test_without_a_schema_each_command_says_what_to_run(databases: Databases, database: str, command: str) -> None:
    Path("keys.json").write_bytes(key_set(public_jwk(ec_key())))
    words = {"add": ["add", "Wisteria"], "list": ["list"], **ON_ONE}[command]
    result = afterglow("clinic", *words, database_url=databases.fresh(database, migrated=False))
    assert_fails(result, "[^\n]+ `afterglow migrate`[^\n]*", status=78)


@pytest.mark.parametrize("command", [["end"], ["client", "end"]], ids=" ".join)
@pytest.mark.parametrize(("answer", "said"), [("n", "nothing was changed"), ("y", "Ended ")])
def test_end_asks_at_a_terminal(databases: Databases, command: list[str], answer: str, said: str) -> None:
    url = databases.fresh("sqlite")
    Path("keys.json").write_bytes(key_set(public_jwk(ec_key())))

    def run(*words: str) -> Result:
        return afterglow("clinic", *words, database_url=url)

    ids = [add_clinic(run)["id"]]
    ids.append(add_client(run, ids[0])["id"])
    status, shown = answer_at_terminal(["clinic", *command, ids[len(command) - 1]], url, answer)
    assert status == int(answer == "n")
    assert said in shown
