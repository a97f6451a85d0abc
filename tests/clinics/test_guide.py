"""The guide's chapters for a clinic's system: their scripts and commands run against the demo."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import orjson

from tests.house.commands import AFTERGLOW, SECONDS
from tests.house.starting import started_server

GUIDE: Final = (Path(__file__).parents[2] / "openapi" / "README.md").read_text()
BLOCK: Final = re.compile(r"```(?:python|sh)\n(.*?)```", re.DOTALL)
DEMO: Final = [str(AFTERGLOW), "serve", "--demo"]
LOCAL: Final = "http://127.0.0.1:8000"


def blocks(chapter: str) -> list[str]:
    """Return the scripts and commands of a chapter."""
    return BLOCK.findall(GUIDE.partition(f"\n## {chapter}\n")[2].partition("\n## ")[0])


def run(folder: Path, *command: str, **variables: str) -> str:
    """Run a command in a folder; check that it succeeds, and return what it printed."""
    environment = os.environ | {"PATH": f"{AFTERGLOW.parent}:{os.environ['PATH']}"} | variables
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=SECONDS
    )
    assert done.returncode == 0, done
    return done.stdout


def test_the_guide_leads_from_a_new_key_to_a_push(tmp_path: Path) -> None:
    make_key, registration, assertion, commands, program = blocks("A clinic's system")
    (tmp_path / "assertion.py").write_text(assertion)
    run(tmp_path, sys.executable, "-c", make_key)
    with started_server(DEMO, tmp_path) as url:
        ids: list[str] = []
        *added, tested = registration.splitlines()
        for command in added:
            printed = run(tmp_path, "sh", "-ec", command.replace("CLINIC", ids[-1] if ids else ""))
            ids += re.findall(r"(?i)\bid: +(\S+)", printed)
        token = run(tmp_path, "sh", "-ec", tested.replace("CLIENT", ids[-1]).replace("--key", f"--url {url} --key"))
        assert token.count(".") == 2
        variables = {"API": url, "CLIENT": ids[-1]}
        invited = run(tmp_path, sys.executable, "-c", program, **variables)
        assert re.fullmatch(r"Give this code to the patient: \S{14}\n", invited)
        printed = run(tmp_path, "sh", "-ec", commands.replace(LOCAL, url), **variables)
        looked_up, consent, pushed = map(
            orjson.loads, re.split(r"(?<=\})(?=\{\"(?:id|results)\":)", printed, maxsplit=2)
        )
        assert looked_up["clinic"]["name"] == consent["clinic"]["name"] == "Wisteria House"
        assert [each["outcome"] for each in pushed["results"]] == ["applied"]
        assert run(tmp_path, sys.executable, "-c", program, **variables) == "S-1 unchanged 200\n"


def test_the_commands_of_the_chapter_on_exchanging_records_run_against_the_demo(tmp_path: Path) -> None:
    push, pull, *_ = blocks("Exchanging records with a clinic's system")
    (tmp_path / "pull.py").write_text(pull)
    with started_server(DEMO, tmp_path) as url:
        printed = run(tmp_path, "sh", "-ec", f"{push.replace(LOCAL, url)}\n{sys.executable} pull.py")
    assert '"outcome":"applied","status":201' in printed
    assert re.search(r"[1-9]\d* records$", printed)
