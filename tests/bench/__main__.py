"""The command `uv run --group bench python -m tests.bench`; see `README.md`."""

import json
import signal
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from tests.bench import goals, growth, owners, pressure
from tests.bench.arena import arena
from tests.bench.contestants import CONTESTANTS
from tests.bench.operations import OPERATIONS, sizes
from tests.bench.report import markdown, summary
from tests.bench.rounds import Table, compare

FURTHER: Final = ("owners", "pressure", "growth")
PARTS: Final = (*OPERATIONS, *FURTHER)
OURS: Final = next(each for each in CONTESTANTS if each.ours)


def _say(line: str) -> None:
    print(f"\r\x1b[K{line}" if sys.stderr.isatty() else line, end="" if sys.stderr.isatty() else "\n", file=sys.stderr)


def _show(text: str) -> None:
    print(f"\r\x1b[K{text}\n" if sys.stdout.isatty() else f"{text}\n", flush=True)


class Bench:
    """One run and its results."""

    def __init__(self, parts: list[str], names: set[str], seconds: float, rounds: int) -> None:
        """Start without results."""
        self._parts, self._names, self._seconds, self._rounds = parts, names, seconds, rounds
        self.tables: list[Table] = []
        self.further: dict[str, Any] = {}

    def run(self, kind: str) -> None:
        """Measure on one kind of database."""
        chosen = [
            each
            for each in CONTESTANTS
            if kind in each.databases and (not self._names or each.name in self._names or each.plain)
        ]
        operations = [OPERATIONS[part] for part in self._parts if part in OPERATIONS]
        with arena(kind) as place:
            _say(f"planting a world on {kind}")
            world = place.world(sizes())
            if operations:
                _say("starting " + ", ".join(each.title for each in chosen))
                runners = [place.start(each, world) for each in chosen]
                for operation in operations:
                    table = compare(place, operation, runners, seconds=self._seconds, rounds=self._rounds, say=_say)
                    _show(markdown(table))
                    self.tables.append(table)
            timing: dict[str, Any] = {"seconds": self._seconds, "say": _say}
            if "owners" in self._parts:
                written = owners.measure(place, place.start(OURS, world), rounds=self._rounds, **timing)
                self._found(f"owners, {kind}", owners.markdown(written), asdict(written))
            if "pressure" in self._parts and kind == "postgresql":
                pressed = pressure.measure(place, OURS, world, **timing)
                self._found("pressure", pressure.markdown(pressed), [asdict(each) for each in pressed])
        if "growth" in self._parts and kind == "postgresql":
            with arena(kind) as place:
                grown, memory = growth.measure(place, OURS, rounds=self._rounds, **timing)
            figures = {"costs": [asdict(each) for each in grown], "memory": asdict(memory)}
            self._found("growth", growth.markdown(grown, memory), figures)

    def _found(self, name: str, text: str, figures: Any) -> None:
        _show(text)
        self.further[name] = figures

    def end(self, json_file: Path | None, chart_file: Path | None) -> None:
        """Print the outcome of the goals, and write the requested files."""
        outcomes = [*goals.outcomes(self.tables)]
        for kind in dict.fromkeys(table.database for table in self.tables):
            _show(summary(self.tables, kind))
        if outcomes:
            _show(goals.markdown(outcomes))
        if json_file is not None:
            figures = {
                "tables": [asdict(table) for table in self.tables],
                "goals": [asdict(each) for each in outcomes],
                **self.further,
            }
            json_file.write_text(json.dumps(figures, indent=2), encoding="utf-8")
        if chart_file is not None and self.tables:
            from tests.bench import chart  # noqa: PLC0415 - slow to load, and rarely asked for

            chart.draw(self.tables, chart_file)


def main(
    *,
    only: Annotated[str, typer.Option(help=f"Parts, by comma: {', '.join(PARTS)}.")] = ",".join(PARTS),
    contestants: Annotated[str, typer.Option(help=f"By comma: {', '.join(each.name for each in CONTESTANTS)}.")] = "",
    database: Annotated[str, typer.Option(help="Which, by comma.")] = "postgresql,sqlite",
    seconds: Annotated[float, typer.Option(min=0.1, max=30, help="Length of one round.")] = 1.0,
    rounds: Annotated[int, typer.Option(min=1, max=50, help="Rounds of each contestant.")] = 5,
    json_file: Annotated[Path | None, typer.Option("--json", help="Where to write the figures.")] = None,
    chart_file: Annotated[Path | None, typer.Option("--chart", help="Where to write the chart, a PNG.")] = None,
) -> None:
    """Compare this API with other frameworks; needs no preparation."""
    signal.signal(signal.SIGTERM, lambda _signal, _frame: sys.exit(1))  # and end what was started
    parts = [part for part in PARTS if part in only.split(",")]
    bench = Bench(parts, {name for name in contestants.split(",") if name}, seconds, rounds)
    for kind in database.split(","):
        bench.run(kind)
    bench.end(json_file, chart_file)


if __name__ == "__main__":
    typer.run(main)
