"""Help: the notice and the helplines that an app shows to a person whose assessment has a flag."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Annotated, Any, Final, Literal, NamedTuple

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from app.clock import Day
from app.library.files import DATA, FileShape, documented, read_file
from app.library.instruments import Line, Text
from app.openapi import Json

HELP_FILE: Final = "help.1.json"
ELSEWHERE: Final = "elsewhere"
FALLBACK_LANGUAGE: Final = "en"
MAX_AGE: Final = timedelta(days=365)
"""The time after which the operator should check the details of a helpline again."""
Region = Annotated[str, Field(pattern="^[A-Z]{2}$")]
LanguageCode = Annotated[str, Field(pattern="^[a-z]{2,3}$")]
_OPTIONAL: Final[dict[str, Any]] = {"call": None, "text": None, "url": None, "hours": None, "languages": []}


class Helpline(FileShape):
    """A helpline: how to call it, to text it, or to open its web page."""

    name: Line = Field(description="The name of the helpline.")
    call: Annotated[str, Field(pattern=r"^\+?[0-9]{2,20}$")] | None = Field(description="The number to call, or null.")
    text: Annotated[str, Field(pattern=r"^\+?[0-9]{2,20}$")] | None = Field(
        description="The number for text messages, or null."
    )
    url: Annotated[str, Field(max_length=500, pattern=r"^https://[!-~]+$")] | None = Field(
        description="The web page of the helpline, or null."
    )
    hours: Line | None = Field(description="The opening hours, such as `24/7`; null if they are not known.")
    languages: list[LanguageCode] = Field(description="The languages that are spoken at the helpline.")
    checked_on: Day | None = Field(
        description="The day on which the operator of this server last checked the helpline; null if never."
    )

    @model_validator(mode="before")
    @classmethod
    def _complete(cls, value: Any) -> Any:
        return _OPTIONAL | value if isinstance(value, dict) else value

    @model_validator(mode="after")
    def _check(self) -> "Helpline":
        if not (self.call or self.text or self.url):
            raise PydanticCustomError("helpline", "Give a number to call, a number for text messages, or a url.")
        return self


class HelpNotice(FileShape):
    """The title and the text that an app shows above the helplines, in one language."""

    title: Line
    text: Text


class RegionLines(FileShape):
    """The helplines of a region."""

    lines: Annotated[list[Helpline], Field(min_length=1)]


def _example() -> Json:
    return read_file(HelpFile, DATA / HELP_FILE).find("", FALLBACK_LANGUAGE).model_dump()


class Help(FileShape, json_schema_extra=documented(_example)):
    """What an app shows to a person who may need help: a text in one language, and the helplines of one region."""

    region: str = Field(
        description="The region of the helplines; `elsewhere` if the server has none for the requested region."
    )
    language: LanguageCode = Field(description="The language of the title and the text.")
    monitored: Literal[False] = Field(description="Always false: nobody reads answers as they come in.")
    title: str = Field(description="The title to show to the person.")
    text: str = Field(description="The text to show to the person.")
    lines: list[Helpline] = Field(description="The helplines.")


class HelpFile(FileShape):
    """The content of a file of helplines, from the server or from its operator. The operator's may omit `notice`."""

    set: Annotated[int, Field(strict=True, ge=1, lt=2**31)]
    says: str = ""
    notice: dict[LanguageCode, HelpNotice] = Field(default_factory=dict)
    regions: dict[Region, RegionLines]
    elsewhere: RegionLines

    def find(self, region: str, language: str) -> Help:
        """Return the help for a region, such as `NL`, in a language (a BCP 47 tag).

        If the file has no helplines for the region, the help has those of `elsewhere`. If the file has no notice in the
        language, the help has the notice in English.
        """
        code, spoken = region.upper(), language.partition("-")[0].lower()
        code = code if code in self.regions else ELSEWHERE
        spoken = spoken if spoken in self.notice else FALLBACK_LANGUAGE
        lines = self.regions.get(code, self.elsewhere).lines
        notice = self.notice[spoken]
        return Help(region=code, language=spoken, monitored=False, title=notice.title, text=notice.text, lines=lines)

    def unchecked(self, today: date) -> Iterator["Unchecked"]:
        """Yield the helplines that were never checked, or were last checked more than 365 days before `today`."""
        for region, found in {**self.regions, ELSEWHERE: self.elsewhere}.items():
            for line in found.lines:
                if line.checked_on is None or today - line.checked_on > MAX_AGE:
                    yield Unchecked(region, line.name, line.checked_on)


class Unchecked(NamedTuple):
    """A helpline that the operator should check: its region, its name, and the day of the last check, or None."""

    region: str
    name: str
    checked_on: date | None
