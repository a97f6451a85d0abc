"""Draws the cost of each operation by contestant as a PNG."""

from pathlib import Path

import matplotlib as mpl

from tests.bench.report import DATABASES, OURS
from tests.bench.rounds import Table

mpl.use("Agg")
from matplotlib import pyplot as plt

INK, QUIET, OWN = "#22313a", "#b9c4c9", "#2f7f86"


def draw(tables: list[Table], path: Path) -> None:
    """Write the chart; the bars are µs of CPU time per request, ours in another colour."""
    columns = min(3, len(tables))
    rows = -(-len(tables) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(5.6 * columns, 3.4 * rows), squeeze=False)
    for axis in axes.flat[len(tables) :]:
        axis.set_visible(False)
    for axis, table in zip(axes.flat, tables, strict=False):
        shown = sorted(table.figures, key=lambda each: each.server, reverse=True)
        costs = [each.server for each in shown]
        bars = axis.barh(
            [each.title for each in shown],
            costs,
            color=[OWN if each.contestant == OURS else QUIET for each in shown],
        )
        axis.bar_label(bars, [f"{cost:,.0f}" for cost in costs], padding=3, color=INK, fontsize=8)
        axis.set_xlim(0, max(costs) * 1.15)
        axis.set_title(f"{table.title} · {DATABASES[table.database]}", loc="left", color=INK, fontsize=10)
        axis.tick_params(labelsize=8, colors=INK)
        axis.spines[["top", "right"]].set_visible(False)
    figure.suptitle("Processor of the server per request, µs: less is better", x=0.01, ha="left", color=INK)
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    plt.close(figure)
