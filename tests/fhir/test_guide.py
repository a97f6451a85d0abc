"""The guide's chapter on FHIR: its commands run against the demo."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import orjson

from tests.house.starting import started_server

GUIDE: Final = (Path(__file__).parents[2] / "openapi" / "README.md").read_text()
CHAPTER: Final = GUIDE.partition("\n## FHIR\n")[2].partition("\n## ")[0]


def test_the_commands_of_the_guide_run_against_the_demo(tmp_path: Path) -> None:
    (commands,) = re.findall(r"```sh\n(.*?)```", CHAPTER, re.DOTALL)
    program = Path(sys.executable).with_name("afterglow")
    with started_server([str(program), "serve", "--demo"], tmp_path) as url:
        script = commands.replace("http://127.0.0.1:8000", url)
        environment = os.environ | {"PATH": f"{program.parent}:{os.environ['PATH']}"}
        done = subprocess.run(
            ["sh", "-ec", script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
        )
    found = [
        orjson.loads(text)
        for text in re.split(r'(?<=\})(?=\{"resourceType":"(?:Bundle|Proc|Medic)\w*","(?:type|id))', done.stdout)
    ]
    assert [each["resourceType"] for each in found] == ["Bundle", "Procedure", "MedicationAdministration", "Bundle"]
    assert found[1]["id"] == found[2]["id"]
    assert found[3]["total"] >= 1
