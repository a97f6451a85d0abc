"""Schemathesis generates requests from the OpenAPI document and checks the responses of a running server.

All its phases and checks run: examples, limits, random requests and sequences of operations; as two people, of whom neither
may read the other's records. `schemathesis.toml` and `schemathesis_hooks.py` configure it.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import Servers
from tests.hostile.chance import EFFORT, RecordProperty
from tests.serving import PASSWORD, Person

EXAMPLES = {"fuzzing": 4, "stateful": 40}
"""The number of random requests for each operation, and of sequences."""
MINUTES = 10
ROOT = Path(__file__).parents[2]


def signing_in(person: Person, name: str) -> dict[str, object]:
    """Return how a person signs in, in the format of Web Fuzzing Commons; repeated, because `logout` is called too."""
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


@pytest.mark.timeout(60 * MINUTES * EFFORT)
def test_schemathesis_finds_no_difference_from_the_document(
    servers: Servers, database: str, seed: int, tmp_path: Path, record_property: RecordProperty
) -> None:
    server = servers.start(servers.settings(database, docs=True))
    examples = "".join(f"phases.{name}.generation.max-examples = {n * EFFORT}\n" for name, n in EXAMPLES.items())
    settings = tmp_path / "schemathesis.toml"
    settings.write_text(examples + Path(__file__).with_name("schemathesis.toml").read_text())
    people = tmp_path / "people.json"
    people.write_text(json.dumps({"auth": [signing_in(server.person(name), name) for name in ("alice", "bob")]}))
    # The client process imports the application, but runs none of it: to measure its coverage would only slow it down.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    run = subprocess.run(
        [
            *(Path(sys.executable).with_name("st"), "--config-file", settings),
            *("run", f"{server.url}/openapi.json", "--url", server.url),
            *(f"--seed={seed}", "--generation-database=none", "--no-color"),
        ],
        cwd=ROOT,
        env=environment | {"PEOPLE": str(people)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-30_000:] + run.stderr
    pattern = r"^ +(Scenarios: .*|API Links: .*|Tested: .*|[^ ]*\d+ generated.*)|^=+ (.*in .*s) =+$"
    summary = "; ".join(" ".join((a or b).split()) for a, b in re.findall(pattern, run.stdout, re.MULTILINE))
    record_property("summary", f"schemathesis on {database}: {summary}")
    links = re.search(r"API Links: (\d+) covered / (\d+) selected", summary)
    assert links is not None
    assert int(links[1]) * 10 > int(links[2]), "too few sequences reached their second operation"
