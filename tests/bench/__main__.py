"""The bench's command: `uv run --group bench python -m tests.bench`. `README.md` here tells what it does and how."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from tests.bench.arena import arena
from tests.bench.contestants import CONTESTANTS
from tests.bench.operations import OPERATIONS, sizes
from tests.bench.report import spelled
from tests.bench.rounds import Table, compare


def _say(line: str) -> None:
    print(f"\r\x1b[K{line}" if sys.stderr.isatty() else line, end="" if sys.stderr.isatty() else "\n", file=sys.stderr)


def _compared(kind: str, operations: list[str], names: set[str], *, seconds: float, rounds: int) -> list[Table]:
    tables = []
    chosen = [
        each for each in CONTESTANTS if kind in each.databases and (not names or each.name in names or each.plain)
    ]
    with arena(kind) as place:
        _say(f"planting a world on {kind}")
        world = place.world(sizes())
        _say("starting " + ", ".join(each.title for each in chosen))
        runners = [place.start(each, world) for each in chosen]
        for name in operations:
            table = compare(place, OPERATIONS[name], runners, seconds=seconds, rounds=rounds, say=_say)
            print(f"\n{spelled(table)}\n", flush=True)
            tables.append(table)
    return tables


def main(
    *,
    only: Annotated[str, typer.Option(help=f"Operations, by comma: {', '.join(OPERATIONS)}.")] = "",
    contestants: Annotated[
        str, typer.Option(help="Contestants, by comma; plaintext, the control, is always there.")
    ] = "",
    database: Annotated[str, typer.Option(help="postgresql or sqlite; both by default.")] = "postgresql,sqlite",
    seconds: Annotated[float, typer.Option(min=0.1, max=30, help="Length of one round.")] = 1.5,
    rounds: Annotated[int, typer.Option(min=1, max=50, help="Rounds of each contestant.")] = 5,
    json_file: Annotated[Path | None, typer.Option("--json", help="Where to write the figures.")] = None,
) -> None:
    """Measure this API beside what else could be picked."""
    operations = [name for name in OPERATIONS if not only or name in only.split(",")]
    names = {name for name in contestants.split(",") if name}
    tables = [
        table
        for kind in database.split(",")
        for table in _compared(kind, operations, names, seconds=seconds, rounds=rounds)
    ]
    if json_file is not None:
        json_file.write_text(json.dumps([table.as_json() for table in tables], indent=2), encoding="utf-8")


if __name__ == "__main__":
    typer.run(main)
