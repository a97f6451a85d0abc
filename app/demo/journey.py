"""The journey of Ilse, an invented person.

Her second session brought up an old sadness and her father. She traced the sadness to where it came from, found another
way to see it, set an intention for the time after, and is practising two changes: one within, one without.
"""

from datetime import datetime, time, timedelta
from functools import partial
from typing import Any, Final
from zoneinfo import ZoneInfo

HOME: Final = ZoneInfo("Europe/Amsterdam")


SHOWN: Final = {
    "sessions": "second session",
    "elements": "sadness",
    "intentions": "see him trying",
    "reflections": "the house",
    "action-items": "ask him",
}
"""The record of each kind that the documented examples read, change and refer to."""
REMOVABLE: Final = {
    "sessions": "talk after",
    "elements": "rain",
    "intentions": "slow mornings",
    "reflections": "the call",
    "action-items": "innocent",
}
"""The record of each kind that the documented examples remove. No other record refers to it."""
NamedDraft = tuple[str, str, dict[str, Any]]


def _draft(collection: str, name: str, /, **draft: object) -> NamedDraft:
    return collection, name, draft


session, element, intention, reflection, action_item = (
    partial(_draft, each) for each in ("sessions", "elements", "intentions", "reflections", "action-items")
)


def journey(now: datetime) -> list[NamedDraft]:
    """Return her records in the order in which they came about: collection, name, and draft.

    References are names. Dates count from the day of `now`.
    """
    today = now.astimezone(HOME).date()

    def at(days: int, hour: int, minute: int = 0) -> str:
        return datetime.combine(today + timedelta(days), time(hour, minute), HOME).isoformat()

    def on(days: int) -> str:
        return (today + timedelta(days)).isoformat()

    return [
        session(
            "talk before",
            kind="preparation",
            status="completed",
            title="Talk before the second session",
            started_at=at(-16, 16),
            ended_at=at(-16, 17),
            setting="telehealth",
            supervision="remote-guide",
            notes="Spoke about the first time, and that I had held on to the chair in my mind for most of it. "
            "Marit asked what I would do if I trusted the chair to hold itself.",
        ),
        intention(
            "let it come",
            kind="session",
            statement="I let come what comes, and I stay with it one breath longer than I want to.",
            why="Last time I steered. I would like to see what is there when I do not.",
            domain="mind",
            status="completed",
            achievement="achieved",
        ),
        session(
            "second session",
            kind="dosing",
            status="completed",
            title="Second session",
            started_at=at(-9, 10, 15),
            ended_at=at(-9, 12, 5),
            setting="clinic",
            supervision="in-person-clinician",
            medicine="racemic-ketamine",
            route="intramuscular",
            dose_value=60,
            dose_unit="mg",
            intensity=7,
            notes="Rain on the skylight the whole time. I cried without a story for a while, then with one.",
        ),
        element(
            "sadness",
            session_id="second session",
            kind="emotion",
            title="A sadness much older than this year",
            description="Grey-blue, wide, quite calm. It was not asking me to do anything about it, which "
            "surprised me most.",
            valence=-1,
            intensity=7,
            significance=9,
            meaning="I had taken it for tiredness. It is grief, and it has been waiting politely.",
            origin="The year the house was sold. Everybody was busy being brave, so I was too. I was nine.",
            reframe="I do not need to be the one who holds everything up. Without that I am lighter, and "
            "a good deal more curious.",
            status="understood",
        ),
        element(
            "father",
            session_id="second session",
            kind="relationship",
            title="My father at the kitchen table",
            description="He was doing sums on the back of an envelope, over and over. He looked younger than I am now.",
            valence=0,
            intensity=6,
            significance=8,
            meaning="I always saw a man who would not look up. He was frightened, and he was trying.",
            status="exploring",
        ),
        element(
            "rain",
            session_id="second session",
            kind="sound-music",
            title="Rain, and being allowed to lie still",
            valence=2,
            intensity=4,
            significance=5,
        ),
        intention(
            "see him trying",
            kind="integration",
            statement="When my father goes silent on the phone, I remember the envelope, and I do not fill the "
            "silence for him.",
            why="I have answered his silences as if they were verdicts. They never were.",
            session_id="second session",
            element_id="father",
            derived_from_id="let it come",
            domain="relationships",
            achievement="improving",
            target_on=on(33),
        ),
        intention(
            "slow mornings",
            kind="integration",
            statement="The first hour of the day is mine. The phone stays in the hall.",
            session_id="second session",
            domain="lifestyle",
            target_on=on(20),
        ),
        reflection(
            "evening after",
            body="Slept two hours in the afternoon. Soup. My eyes are sore and I feel rinsed. I keep seeing the "
            "envelope. I thought that I would be angry with him, and I looked for it, and there was only this boy "
            "of thirty-four with a pencil.",
            occurred_at=at(-9, 20, 40),
            session_id="second session",
            element_id="father",
            mood=6,
            emotions=["tender", "emptied out"],
            domains=["relationships"],
        ),
        reflection(
            "the house",
            title="The house",
            body="Walked past a removal van this morning and my throat closed. So that is where it lives. Nine "
            "years old, carrying a lamp to the car, saying it is fine, it is fine. I said it to the van, too, and "
            "then I laughed at myself and stood there a minute longer.",
            occurred_at=at(-7, 8, 25),
            session_id="second session",
            element_id="sadness",
            prompt="Where did it come from?",
            mood=5,
            emotions=["sad", "relieved"],
            domains=["mind"],
        ),
        reflection(
            "the call",
            body="He called about the gutters. Long pause after I asked how he was. I counted the tiles. He "
            "said, eventually, that the evenings are long. I think that is the most he has ever told me.",
            occurred_at=at(-3, 21, 10),
            intention_id="see him trying",
            prompt="What was different this time?",
            capture="voice-transcript",
            mood=7,
            emotions=["moved"],
            domains=["relationships"],
        ),
        action_item(
            "innocent",
            title="See him as somebody who did his best with what he had",
            change="internal",
            facet="perspective",
            details="Not excusing. Just looking again, once a day, at one thing he did, and asking what he was "
            "afraid of.",
            if_cue="If I hear myself telling the old story about him",
            then_response="I picture the envelope and tell it once more from his chair",
            status="in-progress",
            starts_on=on(-8),
            element_id="father",
            intention_id="see him trying",
        ),
        action_item(
            "ask him",
            title="Ask him about the year we sold the house",
            change="external",
            facet="relationship",
            details="In person, at his table, with coffee. I want to tell him about the lamp.",
            status="accepted",
            starts_on=on(-2),
            due_on=on(12),
            session_id="second session",
            element_id="sadness",
            intention_id="see him trying",
            reflection_id="the house",
        ),
        session(
            "talk after",
            kind="integration",
            status="planned",
            title="Integration with Marit",
            scheduled_at=at(5, 16),
            setting="telehealth",
            supervision="remote-guide",
        ),
    ]
