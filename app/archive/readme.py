"""The file `README.txt` of an archive, which explains the archive to its owner."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

TEXT: Final = """\
Your Afterglow archive
======================

Written on {day} at {time} UTC. It contains everything that you have
recorded in your account:

{counts}

What is in here

    journal/        What you wrote, to read: a file for each month, with a
                    heading for each day. They are plain text files; a
                    program for Markdown shows them with headings. Start here.
    records/        The same records, complete and exact, for programs: a file
                    for each kind, with one record in JSON on each line.
    access.jsonl    What clinics did with your records, newest first. You have
                    this file only if you have connected a clinic.
    manifest.json   The list of these files, and your account: your e-mail
                    address, name, time zone and language.
    SHA256SUMS      A checksum of each file, to find out whether it has changed.

These files are not encrypted. Anybody who has them can read what you wrote,
so keep them in a place that only you can open.

To check that nothing has changed, unpack the archive, open a terminal in the
folder, and run

    sha256sum -c SHA256SUMS          (on Linux)
    shasum -a 256 -c SHA256SUMS      (on macOS)

To put your records back into an account, import the archive in your app as it
is: do not unpack it, or change anything in it. Programs send it to
POST /v1/import?from=afterglow. Records that the account still has stay as
they are, so importing an archive twice changes nothing.
"""


def readme(moment: datetime, counts: Mapping[str, int]) -> bytes:
    """Return the README. `moment` is the time of the export in UTC; `counts` has the number of records of each kind."""
    width = max(len(f"{count:,}") for count in counts.values())
    lines = "\n".join(f"    {count:>{width},} {name}" for name, count in counts.items())
    day = f"{moment.day} {moment:%B} {moment.year}"
    return TEXT.format(day=day, time=f"{moment:%H:%M}", counts=lines).encode()
