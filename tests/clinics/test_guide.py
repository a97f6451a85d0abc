"""The guide's chapter for a clinic's system: its scripts and commands are executed, from a new key to a token."""

import ast
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.commands import afterglow
from tests.serving import Server

GUIDE = Path(__file__).parents[2] / "openapi" / "README.md"
BLOCK = re.compile(r"```(?:python|sh)\n(.*?)```", re.DOTALL)
CHAPTER = GUIDE.read_text().partition("\n## A clinic's system\n")[2].partition("\n## ")[0]
pytestmark = pytest.mark.usefixtures("empty_folder")


def script(content: str, **environment: str) -> str:
    command = [sys.executable, "-c", content]
    done = subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, check=True)
    return done.stdout


def test_the_guide_leads_from_a_new_key_to_a_token(server: Server) -> None:
    make_keys, commands, request_token = BLOCK.findall(CHAPTER)
    script(make_keys)
    ids: list[str] = []
    *added, tested = (shlex.split(command, comments=True) for command in commands.splitlines())
    database_url = str(server.settings.database_url)
    for _, *words in added:
        arguments = [ids[-1] if word == "CLINIC" else word for word in words]
        result = afterglow(*arguments, database_url=database_url)
        assert result.status == 0, result.err
        ids += re.findall(r"(?i)\bid: +(\S+)", result.out)
    _, *words = (ids[-1] if word == "CLIENT" else word for word in tested)
    token = afterglow(*words, "--url", server.url, database_url=database_url).out.strip()
    assert server.client(token).get("/v1/me").status_code == 403  # authenticated, and no person
    granted = ast.literal_eval(script(request_token, API=server.url, CLIENT=ids[-1]))
    assert {**granted, "access_token": ""} == {
        "access_token": "",
        "token_type": "Bearer",
        "expires_in": 300,
        "scope": "system/Procedure.crus",
    }
