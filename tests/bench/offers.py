"""The figures of each offered rate, and their table."""

from dataclasses import dataclass
from typing import Final

from tests.bench.open_loop import LATE, Asked

BUSY: Final = 503
RECOVERY_SECONDS: Final = 6
HEAD: Final = (
    "| offer | offered/s | answered/s | refused/s | lost/s | p50 ms | p99 ms | refused p99 ms | refused max ms "
    "| livez p99 ms | sent late p99 ms | server % | database % | load % |\n|--:" + "|--:" * 13 + "|"
)


@dataclass(frozen=True)
class Cores:
    """CPU seconds so far, or shares of a core in a period."""

    server: float
    database: float
    load: float

    def since(self, before: "Cores", seconds: float) -> "Cores":
        """Return the shares of a core used since an earlier reading."""
        return Cores(
            (self.server - before.server) / seconds,
            (self.database - before.database) / seconds,
            (self.load - before.load) / seconds,
        )


@dataclass(frozen=True)
class Figures:
    """The figures of one offered rate: rates per second, times in milliseconds."""

    offer: float
    offered: float
    answered: float
    refused: float
    lost: float
    p50: float
    p99: float
    refused_p99: float
    refused_most: float
    livez_p99: float
    sent_late_p99: float
    cores: Cores


def at(values: list[float], share: float) -> float:
    """Return a quantile in milliseconds."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))] * 1000 if values else float("nan")


def answered(seen: list[Asked], seconds: float) -> float:
    """Return the rate of requests that were answered in time."""
    return sum(0 < each.status < BUSY and each.wait < LATE for each in seen if not each.probe) / seconds


def figures(offer: float, seconds: float, seen: list[Asked], cores: Cores) -> Figures:
    """Return the figures of one offered rate."""
    asked = [each for each in seen if not each.probe]
    livez = [each.wait for each in seen if each.probe]
    waits = [each.wait for each in asked if 0 < each.status < BUSY and each.wait < LATE]
    refused = [each.wait for each in asked if each.status == BUSY]
    return Figures(
        offer=offer,
        offered=len(asked) / seconds,
        answered=answered(seen, seconds),
        refused=len(refused) / seconds,
        lost=(len(asked) - len(waits) - len(refused)) / seconds,
        p50=at(waits, 0.5),
        p99=at(waits, 0.99),
        refused_p99=at(refused, 0.99),
        refused_most=at(refused, 1),
        livez_p99=at(livez, 0.99),
        sent_late_p99=at([each.sent - each.due for each in asked], 0.99),
        cores=cores,
    )


def markdown(each: Figures) -> str:
    """Return a line of the table."""
    return (
        f"| {each.offer:g} x | {each.offered:,.0f} | {each.answered:,.0f} | {each.refused:,.0f} | {each.lost:,.0f} "
        f"| {each.p50:.1f} | {each.p99:.1f} | {each.refused_p99:.1f} | {each.refused_most:.1f} | {each.livez_p99:.1f} "
        f"| {each.sent_late_p99:.1f} "
        f"| {each.cores.server:.0%} | {each.cores.database:.0%} | {each.cores.load:.0%} |".replace("%", "")
    )


def recovery(seen: list[Asked], usual: float) -> list[tuple[float, float]]:
    """Return the p99 of each half second after the overload, also relative to the normal one."""
    asked = [each for each in seen if not each.probe]
    began, windows = asked[0].due, []
    for number in range(RECOVERY_SECONDS * 2):
        waits = [each.wait for each in asked if number / 2 <= each.due - began < (number + 1) / 2]
        windows.append((at(waits, 0.99), at(waits, 0.99) / usual))
    return windows
