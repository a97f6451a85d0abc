"""The guide's chapters on FHIR and bulk exports: their commands run against the demo."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import orjson

from tests.house.starting import started_server

GUIDE: Final = (Path(__file__).parents[2] / "openapi" / "README.md").read_text()


def chapter(name: str) -> str:
    """Return a chapter of the guide."""
    return GUIDE.partition(f"\n## {name}\n")[2].partition("\n## ")[0]


def executed(name: str, folder: Path) -> str:
    """Execute the commands of a chapter against the demo; return what they print."""
    (commands,) = re.findall(r"```sh\n(.*?)```", chapter(name), re.DOTALL)
    program = Path(sys.executable).with_name("afterglow")
    with started_server([str(program), "serve", "--demo"], folder) as url:
        script = commands.replace("http://127.0.0.1:8000", url)
        environment = os.environ | {"PATH": f"{program.parent}:{os.environ['PATH']}"}
        done = subprocess.run(
            ["sh", "-ec", script], cwd=folder, env=environment, capture_output=True, text=True, check=True
        )
    return done.stdout


def test_the_commands_of_the_guide_run_against_the_demo(tmp_path: Path) -> None:
    printed = executed("FHIR", tmp_path)
    found = [
        orjson.loads(text)
        for text in re.split(r'(?<=\})(?=\{"resourceType":"(?:Bundle|Proc|Medic)\w*","(?:type|id))', printed)
    ]
    assert [each["resourceType"] for each in found] == [
        "Bundle",
        "Procedure",
        "MedicationAdministration",
        "Bundle",
        "Bundle",
    ]
    assert found[1]["id"] == found[2]["id"]
    assert found[3]["total"] >= 1
    assert found[4]["total"] == 0


def test_the_commands_of_the_chapter_on_bulk_exports_run_against_the_demo(tmp_path: Path) -> None:
    manifest, _, lines = executed("Bulk export", tmp_path).partition('{"resourceType"')
    assert [each["type"] for each in orjson.loads(manifest)["output"]] == ["Patient", "Procedure"]
    resources = [orjson.loads(line) for line in f'{{"resourceType"{lines}'.splitlines()]
    assert [each["resourceType"] for each in resources][:2] == ["Patient", "Procedure"]
    assert {each["subject"]["reference"] for each in resources[1:]} == {f"Patient/{resources[0]['id']}"}
