"""Schemathesis: somebody else's reading of the document, asked of a running server with all of its checks.

Every phase runs: the document's examples, its edges, chance, and chains of operations; as two people of whom neither may
get what is the other's. What it has to be told about this API is in `schemathesis.toml` and `schemathesis_hooks.py`.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from app.identity import passwords
from tests.conftest import Servers
from tests.hostile.chance import EFFORT, Say
from tests.serving import PASSWORD, Person

EXAMPLES = {"fuzzing": 4, "stateful": 40}
"""How many requests are drawn for each operation, and how many chains of them."""
MINUTES = 10
ROOT = Path(__file__).parents[2]


def signing_in(person: Person, name: str) -> dict[str, object]:
    """Return how somebody signs in, as the Web Fuzzing Commons spell it; again and again, since `logout` is tried too."""
    return {
        "name": name,
        "loginEndpointAuth": {
            "verb": "POST",
            "endpoint": "/v1/auth/login",
            "contentType": "application/json",
            "payloadRaw": json.dumps({"email": person.email, "password": PASSWORD}),
            "token": {
                "extractFrom": "body",
                "extractSelector": "/access_token",
                "sendIn": "header",
                "sendName": "Authorization",
                "sendTemplate": "Bearer {token}",
            },
        },
    }


@pytest.fixture
def cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a hash costs is looked at elsewhere; here hundreds are computed."""
    hasher = PasswordHash((Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1),))
    monkeypatch.setattr(passwords, "_hash", hasher)
    monkeypatch.setattr(passwords, "UNKNOWN_HASH", hasher.hash(PASSWORD))


@pytest.mark.usefixtures("cheap_hashes")
@pytest.mark.timeout(60 * MINUTES * EFFORT)
def test_what_the_document_says_is_what_happens(
    servers: Servers, database: str, seed: int, tmp_path: Path, record_property: Say
) -> None:
    server = servers.start(servers.settings(database, docs=True))
    asked = "".join(f"phases.{name}.generation.max-examples = {n * EFFORT}\n" for name, n in EXAMPLES.items())
    settings = tmp_path / "schemathesis.toml"
    settings.write_text(asked + Path(__file__).with_name("schemathesis.toml").read_text())
    people = tmp_path / "people.json"
    people.write_text(json.dumps({"auth": [signing_in(server.person(name), name) for name in ("alice", "bob")]}))
    run = subprocess.run(
        [
            *(Path(sys.executable).with_name("st"), "--config-file", settings),
            *("run", f"{server.url}/openapi.json", "--url", server.url),
            *(f"--seed={seed}", "--generation-database=none", "--no-color"),
        ],
        cwd=ROOT,
        env=os.environ | {"PEOPLE": str(people)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-30_000:] + run.stderr
    wanted = r"^ +(Scenarios: .*|API Links: .*|Tested: .*|[^ ]*\d+ generated.*)|^=+ (.*in .*s) =+$"
    told = "; ".join(" ".join((a or b).split()) for a, b in re.findall(wanted, run.stdout, re.MULTILINE))
    record_property("said", f"schemathesis on {database}: {told}")
    links = re.search(r"API Links: (\d+) covered / (\d+) selected", told)
    assert links is not None
    assert int(links[1]) * 10 > int(links[2]), "chains that lead nowhere prove nothing"
