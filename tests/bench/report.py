"""Tables in Markdown."""

from collections.abc import Sequence
from typing import Final

from tests.bench.rounds import DRIFT, Figures, Table

OURS: Final = "afterglow"
HEAD: Final = (
    "| | requests/s | p50 ms | p99 ms | server µs | database µs | server µs, times ours | rate, of ours |\n"
    "|---|--:|--:|--:|--:|--:|--:|--:|"
)
DATABASES: Final = {"postgresql": "PostgreSQL", "sqlite": "SQLite"}


def markdown(table: Table) -> str:
    """Return a table as Markdown."""
    ours = table.by(OURS)
    lines = [f"### {table.title}, {DATABASES[table.database]}", "", HEAD]
    lines += [_line(each, ours) for each in table.figures]
    drift = f"The control moved by {table.drift:+.0%} between the first round and the last"
    if abs(table.drift) > DRIFT:
        lines += ["", f"**{drift}: the machine was not quiet, measure again.**"]
    else:
        lines += ["", f"{drift}."]
    return "\n".join(lines)


def _line(each: Figures, ours: Figures | None) -> str:
    failed = f" ({each.failures} failed)" if each.failures else ""
    dearer = f"{each.server / ours.server:.2f}" if ours else ""
    faster = f"{each.rate / ours.rate:.2f}" if ours else ""
    title = f"**{each.title}**" if each.contestant == OURS else each.title
    return (
        f"| {title}{failed} | {each.rate:,.0f} | {each.p50:.2f} | {each.p99:.2f} | {each.server:,.0f} "
        f"| {each.database:,.0f} | {dearer} | {faster} |"
    )


def summary(tables: Sequence[Table], database: str) -> str:
    """Return one table of all costs on a kind of database, in µs of the server's CPU time."""
    shown = [table for table in tables if table.database == database]
    titles = {each.contestant: each.title for table in shown for each in table.figures}
    lines = [
        f"### µs of the server's processor per request, {DATABASES[database]}",
        "",
        f"| | {' | '.join(table.title for table in shown)} |",
        f"|---|{'--:|' * len(shown)}",
    ]
    for name, title in titles.items():
        costs = [f"{found.server:,.0f}" if (found := table.by(name)) else "" for table in shown]
        lines.append(f"| {f'**{title}**' if name == OURS else title} | {' | '.join(costs)} |")
    return "\n".join(lines)
