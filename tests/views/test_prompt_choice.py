"""The choice of prompts."""

from datetime import date, timedelta
from hashlib import sha256
from uuid import UUID

import pytest

from app.library import Library, Phase, Prompt
from app.records.domains import Domain
from app.resources.elements import ElementKind
from app.views.today.prompt_choice import ChosenPrompt, OpenElement, choose_prompts, least_touched

OWNER = UUID("019aa2c4-7b00-7000-8000-0000000000aa")
DAY = date(2026, 11, 28)
ELEMENT = OpenElement(UUID(int=7), "memory")
PROMPTS = Library().prompts("en").prompts


def prompt(id: str, kinds: tuple[str, ...] = (), domains: tuple[str, ...] = ()) -> Prompt:
    return Prompt(
        id=id, phase=Phase.FRESH, element_kinds=[*kinds], domains=[*domains], change=None, text=f"The text of {id}?"
    )


def chosen(prompts: list[Prompt], day: date = DAY, answered: tuple[str, ...] = ()) -> list[ChosenPrompt]:
    return choose_prompts(prompts, OWNER, day, answered=answered, element=ELEMENT, domain=Domain.BODY)


def test_one_prompt_is_for_the_element_one_for_the_domain_and_one_for_neither() -> None:
    mixed = [prompt("fresh-01"), prompt("fresh-02", domains=("body",)), prompt("fresh-03", kinds=("memory",))]
    mixed += [prompt("fresh-04", kinds=("symbol",)), prompt("fresh-05", domains=("mind",))]
    assert chosen(mixed) == [
        ("fresh-03", "The text of fresh-03?", ELEMENT.id),
        ("fresh-02", "The text of fresh-02?", None),
        ("fresh-01", "The text of fresh-01?", None),
    ]


def test_the_number_of_the_day_and_of_the_owner_choose_among_the_prompts_by_id() -> None:
    prompts = [prompt(f"fresh-{number:02}") for number in (3, 1, 5, 2, 4)]
    number = DAY.toordinal() + int(sha256(str(OWNER).encode()).hexdigest()[:8], 16)
    assert [each.id for each in chosen(prompts)] == [f"fresh-{number % 5 + 1:02}"]
    week = [chosen(prompts, DAY + timedelta(days=days))[0].id for days in range(5)]
    assert {*week} == {each.id for each in prompts}  # each comes once


def test_answered_prompts_and_empty_groups_give_none() -> None:
    assert chosen([prompt("fresh-01"), prompt("fresh-02", kinds=("memory",))], answered=("fresh-02",)) == [
        ("fresh-01", "The text of fresh-01?", None)
    ]
    assert chosen([]) == []


def test_without_an_element_no_prompt_is_about_one() -> None:
    prompts = [prompt("fresh-01", kinds=("memory",))]
    assert choose_prompts(prompts, OWNER, DAY, answered=(), element=None, domain=Domain.MIND) == []


def test_the_least_touched_domain_is_the_first_of_those_with_the_lowest_count() -> None:
    assert least_touched({}) is Domain.MIND
    assert least_touched({"mind": 1, "body": 2, "lifestyle": 1}) is Domain.SPIRIT


@pytest.mark.parametrize("phase", [each for each in Phase if each is not Phase.ANY])
def test_every_phase_has_prompts_for_each_group(phase: Phase) -> None:
    of_phase = [each for each in PROMPTS if each.phase is phase]
    assert any(not each.element_kinds and not each.domains for each in of_phase)
    assert all(not each.element_kinds or not each.domains for each in of_phase)  # so no prompt can be chosen twice
    assert {kind for each in of_phase for kind in each.element_kinds} <= {*ElementKind}
