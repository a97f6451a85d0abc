"""nginx in front of a server, with a location as docs/operating.md shows it."""

import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import httpx2 as httpx

from tests.house.starting import free_port

NGINX: Final = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
OPERATING: Final = Path(__file__).parents[2] / "docs" / "operating.md"
SECONDS: Final = 10
_CONFIGURATION: Final = """
daemon off; master_process off; pid {folder}/pid; error_log {folder}/errors;
events {{ }}
http {{
    access_log off;
    client_body_temp_path {folder}/bodies; proxy_temp_path {folder}/responses;
    fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    upstream afterglow {{ server {upstream}; keepalive 32; }}
    server {{
        listen 127.0.0.1:{port};
        client_max_body_size 3m;
        {location}
    }}
}}
"""


def documented_location(title: str) -> str:
    """Return the location block in a section of docs/operating.md."""
    section = OPERATING.read_text().partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    (block,) = re.findall(r"```nginx\n(.*?)```", section, re.DOTALL)
    return str(block)


@contextmanager
def proxying(url: str, location: str) -> Iterator[str]:
    """Run nginx with a location in front of the server at a URL until the block ends; yield nginx's URL."""
    assert NGINX is not None
    port = free_port()
    with TemporaryDirectory(prefix="nginx") as folder:
        configuration = Path(folder, "nginx.conf")
        upstream = url.removeprefix("http://")
        configuration.write_text(_CONFIGURATION.format(folder=folder, port=port, upstream=upstream, location=location))
        process = subprocess.Popen([NGINX, "-e", f"{folder}/errors", "-c", configuration])
        try:
            deadline = time.monotonic() + SECONDS
            while not _listens(port):
                assert process.poll() is None, Path(folder, "errors").read_text()
                assert time.monotonic() < deadline
                time.sleep(0.02)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(SECONDS)


def _listens(port: int) -> bool:
    try:
        httpx.get(f"http://127.0.0.1:{port}/")
    except httpx.TransportError:
        return False
    return True
