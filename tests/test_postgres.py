"""The PostgreSQL that the tests start ends with the process that needs it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests import postgres
from tests.waiting import wait_until

FUNCTIONS = "import os, sys; from pathlib import Path; from tests.postgres import SharedServer, running\n"
OWN = """
with running() as url:
    print(url, flush=True)
    sys.stdin.read()
"""
SHARED = """
server = SharedServer(Path(sys.argv[1]))
server.hold()
print(server.url(), flush=True)
sys.stdin.read()
server.stop()
"""
STARTED_BY_A_WORKER = """
folder = Path(sys.argv[1])
controller = SharedServer(folder)
controller.hold()
if (worker := os.fork()) == 0:
    print(SharedServer(folder).url(), flush=True)
    os._exit(0)
os.waitpid(worker, 0)
sys.stdin.read()
controller.stop()
"""


def start(program: str, folder: Path) -> tuple[subprocess.Popen[bytes], Path]:
    """Run a program that needs a server; return its process and the server's folder."""
    environment = {name: value for name, value in os.environ.items() if name != postgres.URL}
    process = subprocess.Popen(
        [sys.executable, "-c", FUNCTIONS + program, folder],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment,
        cwd=Path(__file__).parents[1],
    )
    assert process.stdout is not None
    return process, Path(process.stdout.readline().decode().strip().rpartition("host=")[2])


def has_ended(server: int) -> bool:
    """Return whether a process is gone."""
    try:
        os.kill(server, 0)
    except ProcessLookupError:
        return True
    return False


@pytest.mark.parametrize(
    ("program", "end"),
    [
        pytest.param(OWN, signal.SIGKILL, id="own, killed"),
        pytest.param(SHARED, None, id="shared, ends"),
        pytest.param(STARTED_BY_A_WORKER, signal.SIGKILL, id="shared, started by a worker that has ended, killed"),
    ],
)
def test_a_server_ends_with_the_process_that_needs_it(program: str, end: signal.Signals | None, tmp_path: Path) -> None:
    process, folder = start(program, tmp_path)
    server = int((folder / "data" / "postmaster.pid").read_text().splitlines()[0])
    assert not has_ended(server)
    if end is not None:
        process.send_signal(end)
    process.communicate(timeout=20)
    wait_until(lambda: has_ended(server) and not folder.exists())
