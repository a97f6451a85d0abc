"""The guide's chapter on the calendar: its commands run against the demo."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Final

from tests.house.starting import started_server

GUIDE: Final = (Path(__file__).parents[2] / "openapi" / "README.md").read_text()
CHAPTER: Final = GUIDE.partition("\n## A calendar\n")[2].partition("\n## ")[0]


def test_the_commands_of_the_guide_run_against_the_demo(tmp_path: Path) -> None:
    (commands,) = re.findall(r"```sh\n(.*?)```", CHAPTER, re.DOTALL)
    with started_server([str(Path(sys.executable).with_name("afterglow")), "serve", "--demo"], tmp_path) as url:
        script = commands.replace("http://127.0.0.1:8000", url)
        done = subprocess.run(["bash", "-ec", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    first, *_, last = done.stdout.splitlines()
    assert (first, last) == ("BEGIN:VCALENDAR", "404")
    assert "BEGIN:VEVENT" in done.stdout.splitlines()
