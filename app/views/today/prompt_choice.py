"""The choice of prompts, which are questions to write about.

Nothing is random, so that all devices of a person show the same prompts on a day.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date
from hashlib import sha256
from typing import Final, NamedTuple
from uuid import UUID

from app.library import Prompt
from app.records.domains import Domain

_HASHED_BYTES: Final = 4


class ChosenPrompt(NamedTuple):
    """A prompt for a day, and the id of the element that it is about, or None."""

    id: str
    text: str
    element_id: UUID | None


class OpenElement(NamedTuple):
    """The oldest element without a meaning."""

    id: UUID
    kind: str


def choose_prompts(
    prompts: Iterable[Prompt],
    owner_id: UUID,
    day: date,
    *,
    answered: Collection[str | None],
    element: OpenElement | None,
    domain: Domain,
) -> list[ChosenPrompt]:
    """Return at most three prompts: for the kind of `element`, for `domain`, and one about no kind and no domain.

    `prompts` are the prompts for the current phase, and `answered` are the ids of prompts to leave out. The number of
    the day and a hash of the owner's id determine which of the suitable prompts are chosen.
    """
    left = sorted((each for each in prompts if each.id not in answered), key=lambda each: each.id)
    number = day.toordinal() + int.from_bytes(sha256(str(owner_id).encode()).digest()[:_HASHED_BYTES])
    return list(_chosen(left, number, element, domain))


def _chosen(left: Sequence[Prompt], number: int, element: OpenElement | None, domain: Domain) -> Iterator[ChosenPrompt]:
    about_kind = [each for each in left if element is not None and element.kind in each.element_kinds]
    about_domain = [each for each in left if domain in each.domains]
    about_neither = [each for each in left if not each.element_kinds and not each.domains]
    groups = ((about_kind, None if element is None else element.id), (about_domain, None), (about_neither, None))
    for group, element_id in groups:
        if group:
            prompt = group[number % len(group)]
            yield ChosenPrompt(prompt.id, prompt.text, element_id)


def least_touched(counts: Mapping[str, int]) -> Domain:
    """Return the domain with the lowest count. If several domains have it, return the first in the order of `Domain`.

    `counts` are the numbers of recent reflections and practices by domain.
    """
    return min(Domain, key=lambda domain: counts.get(domain, 0))
