"""The library: instruments, prompts, helplines and rules for follow-ups, in versioned files that come with the server.

An operator can add further instruments, and the texts of instruments, in a folder (`AFTERGLOW_INSTRUMENTS`), and
replace the helplines by a file (`AFTERGLOW_HELP`). `Library` reads a file when it is first needed. `scoring` computes
the score of a person's answers, and `questionnaire` reads the texts of an instrument from a FHIR Questionnaire.
"""

from app.library.files import LibraryError
from app.library.follow_ups import FollowUpKind, FollowUpRule, FollowUps
from app.library.helplines import Help
from app.library.instruments import Instrument
from app.library.library import Library
from app.library.prompts import Phase, Prompt, Prompts
from app.library.scoring import Score, Scoring, score

__all__ = [
    "FollowUpKind",
    "FollowUpRule",
    "FollowUps",
    "Help",
    "Instrument",
    "Library",
    "LibraryError",
    "Phase",
    "Prompt",
    "Prompts",
    "Score",
    "Scoring",
    "score",
]
