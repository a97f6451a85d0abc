"""Prompts: questions that a person can answer in a reflection."""

from enum import StrEnum
from typing import Annotated, Final, Literal

from pydantic import Field

from app.library.files import DATA, FileShape, documented, read_file
from app.library.instruments import Code, Language, Line
from app.openapi import Json

PROMPT_ID: Final = r"^[a-z]{2,12}-\d{2}$"


class Phase(StrEnum):
    """The time, relative to a dosing session, for which a prompt is meant.

    `preparation`: before the session. `fresh`: up to 72 hours after it. `fortnight`: later, up to 14 days after the
    session. `months`: after that. `any`: at any time.
    """

    PREPARATION = "preparation"
    FRESH = "fresh"
    FORTNIGHT = "fortnight"
    MONTHS = "months"
    ANY = "any"


def _example() -> Json:
    return read_file(Prompts, DATA / "prompts.en.1.json").prompts[0].model_dump()


class Prompt(FileShape, json_schema_extra=documented(_example)):
    """A prompt: a question that a person can answer in a reflection."""

    id: Annotated[str, Field(pattern=PROMPT_ID)] = Field(
        description="The prompt's id, for the `prompt_id` of a reflection."
    )
    phase: Phase = Field(description="The time for which the prompt is meant.")
    element_kinds: list[Code] = Field(
        description="The kinds of element that the prompt is about; empty if it is about no particular kind."
    )
    domains: list[Code] = Field(
        description="The domains of life that the prompt is about; empty if it is about no particular domain."
    )
    change: Literal["internal", "external"] | None = Field(
        description="The kind of change that the prompt is about, or null."
    )
    text: Line = Field(description="The question.")


class Prompts(FileShape):
    """The content of a file of prompts in one language. `set` is the version of the file."""

    set: Annotated[int, Field(strict=True, ge=1, lt=2**31)]
    language: Language
    prompts: list[Prompt]

    def select(self, phase: Phase | None, element_kind: str | None, domain: str | None) -> list[Prompt]:
        """Return the prompts for a phase, about a kind of element and about a domain. None means any."""
        return [
            each
            for each in self.prompts
            if phase in (None, each.phase)
            and (element_kind is None or element_kind in each.element_kinds)
            and (domain is None or domain in each.domains)
        ]
