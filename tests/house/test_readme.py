"""The README: its walk through the API is executed, against a server started by its first command."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.house.starting import started_server

SVG = "{http://www.w3.org/2000/svg}"
README = Path(__file__).parents[2] / "README.md"
BLOCK = re.compile(r"```sh\n(.*?)```", re.DOTALL)


def commands_of(title: str) -> list[str]:
    """Return the shell commands in a section of the README."""
    return BLOCK.findall(README.read_text().partition(f"\n## {title}\n")[2].partition("\n## ")[0])


@pytest.fixture
def demo_server(tmp_path: Path) -> Iterator[str]:
    program, *arguments = commands_of("Two commands")[0].rpartition("uv run --no-dev ")[2].split()
    with started_server([str(Path(sys.executable).with_name(program)), *arguments], tmp_path) as url:
        yield url


def test_the_walk_runs_through_the_whole_chain(demo_server: str, tmp_path: Path) -> None:
    walk = "\n".join(["set -eu", *commands_of("A walk through the chain")])
    environment = {"PATH": os.environ["PATH"], "API": demo_server}
    done = subprocess.run(
        ["bash", "-c", walk], capture_output=True, text=True, env=environment, cwd=tmp_path, check=True
    )
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    understood, completed, entry, outcome, today, progress, intentions, action_items, pushed, again, pulled = answers
    assert understood["status"] == "understood"
    assert completed["completed_at"] is not None
    assert [each["element_id"] for each in intentions["items"]] == [understood["id"]]
    assert action_items["items"] == [completed]
    assert completed["intention_id"] == intentions["items"][0]["id"]
    (first,), (second,), (change,) = pushed["results"], again["results"], pulled["changes"]
    assert (first["outcome"], second["replayed"]) == ("applied", True)
    assert change["record"] == first["record"] == second["record"]
    (due,) = [each for each in today["practices"] if each["practice_id"] == entry["practice_id"]]
    assert due["state"] == entry["outcome"] == "done"
    assert outcome["practice_id"] == entry["practice_id"]
    assert len(today["ahead"]) == 14
    assert entry["practice_id"] in {each["practice_id"] for each in progress["practices"]}
    (phq_9,) = [each for each in progress["measures"] if each["instrument"] == "phq-9"]
    chart = ET.fromstring((tmp_path / "progress.svg").read_text())  # noqa: S314 - our own file
    assert len(chart.findall(f".//{SVG}circle")) == len(phq_9["points"]) == 3
