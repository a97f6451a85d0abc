"""The guide's chapter on webhooks: its receiver and its commands run against the demo."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

from app.consents.examples import CLINIC_ID
from tests.house.starting import free_port, started_server

GUIDE: Final = (Path(__file__).parents[2] / "openapi" / "README.md").read_text()
CHAPTER: Final = GUIDE.partition("\n## Webhooks\n")[2].partition("\n## ")[0]


def test_the_receiver_of_the_guide_gets_a_message_of_the_demo(tmp_path: Path) -> None:
    (receiver,) = re.findall(r"```python\n(.*?)```", CHAPTER, re.DOTALL)
    (commands,) = re.findall(r"```sh\n(.*?)```", CHAPTER, re.DOTALL)
    program, port = Path(sys.executable).with_name("afterglow"), str(free_port())
    (tmp_path / "receiver.py").write_text(receiver.replace("9000", port))
    with started_server([str(program), "serve", "--demo"], tmp_path) as url:
        script = commands.replace("http://127.0.0.1:8000", url).replace("9000", port)
        environment = os.environ | {"PATH": f"{program.parent}:{os.environ['PATH']}"}
        done = subprocess.run(
            ["sh", "-ec", script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
        )
    assert done.stdout == f"changes.available {CLINIC_ID}\n"
