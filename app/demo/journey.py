"""The journey of Ilse, an invented person.

Her second session brought up an old sadness and her father. She traced the sadness to where it came from, found another
way to see it, set an intention for the time after, and is practising two changes: one within, one without.
"""

from datetime import datetime
from typing import Final

from app.demo.drafts import Days, NamedDraft, action_item, element, intention, reflection, session
from app.demo.three_weeks import three_weeks

SHOWN: Final = {
    "sessions": "second session",
    "elements": "sadness",
    "intentions": "see him trying",
    "reflections": "the house",
    "action-items": "ask him",
    "practices": "window",
    "practice-entries": "window, day -6",
    "check-ins": "day -8",
    "assessments": "phq-9, after the second session",
    "outcomes": "the call",
}
"""For each collection, the name of the record that the examples of the OpenAPI document read, change or refer to."""
REMOVABLE: Final = {
    "sessions": "talk after",
    "elements": "rain",
    "intentions": "write to Hanna",
    "reflections": "the call",
    "action-items": "alarm clock",
    "practices": "drawing",
    "practice-entries": "river, day -4",
    "check-ins": "day -12",
    "assessments": "who-5, not finished",
    "outcomes": "three weeks at the window",
}
"""For each collection, the name of the record that an example of the OpenAPI document removes.

No other record refers to one of these records.
"""


def journey(now: datetime) -> list[NamedDraft]:
    """Return the drafts of all of Ilse's records, with dates relative to the day of `now`."""
    days = Days(now)
    return [*_chain(days), *three_weeks(days)]


def _chain(days: Days) -> list[NamedDraft]:
    """Return the drafts of her sessions, elements, intentions, reflections and action items, in their order in time."""
    return [
        session(
            "talk before",
            kind="preparation",
            status="completed",
            title="Talk before the second session",
            started_at=days.at(-16, 16),
            ended_at=days.at(-16, 17),
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
            started_at=days.at(-9, 10, 15),
            ended_at=days.at(-9, 12, 5),
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
            target_on=days.on(33),
            scale=[
                "I say that I have to go",
                "I fill the silence for him",
                "I let one silence be, and wait",
                "I let it be each time, and hear what comes after it",
                "We are silent together, and both of us know it",
            ],
            weight=3,
            baseline=-1,
        ),
        intention(
            "slow mornings",
            kind="integration",
            statement="The first hour of the day is mine. The phone stays in the hall.",
            session_id="second session",
            domain="lifestyle",
            target_on=days.on(20),
            scale=[
                "I read messages in bed",
                "The phone is in the hall on two mornings of a week",
                "The phone is in the hall on five mornings of a week",
                "The phone is in the hall on every morning",
                "I forget that it is there",
            ],
            baseline=-2,
        ),
        intention(
            "write to Hanna",
            kind="integration",
            statement="Before the winter is over, I write to Hanna about the house, by hand.",
            domain="relationships",
            status="on-hold",
        ),
        reflection(
            "evening after",
            body="Slept two hours in the afternoon. Soup. My eyes are sore and I feel rinsed. I keep seeing the "
            "envelope. I thought that I would be angry with him, and I looked for it, and there was only this boy "
            "of thirty-four with a pencil.",
            occurred_at=days.at(-9, 20, 40),
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
            occurred_at=days.at(-7, 8, 25),
            session_id="second session",
            element_id="sadness",
            prompt="Where did it come from?",
            mood=5,
            emotions=["sad", "relieved"],
            domains=["mind"],
        ),
        reflection(
            "heron",
            body="The heron stood where it always stands. I walked past it four times this week before I noticed that I "
            "was walking more slowly.",
            occurred_at=days.at(-5, 13, 15),
            mood=7,
            emotions=["calm"],
            domains=["nature", "body"],
        ),
        reflection(
            "the call",
            body="He called about the gutters. Long pause after I asked how he was. I counted the tiles. He "
            "said, eventually, that the evenings are long. I think that is the most he has ever told me.",
            occurred_at=days.at(-3, 21, 10),
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
            starts_on=days.on(-8),
            element_id="father",
            intention_id="see him trying",
        ),
        action_item(
            "alarm clock",
            title="Buy an alarm clock, so that the phone can sleep in the hall",
            change="external",
            facet="environment",
            status="completed",
            starts_on=days.on(-9),
            due_on=days.on(-7),
            completed_at=days.at(-8, 17, 20),
            intention_id="slow mornings",
        ),
        action_item(
            "lines for Marit",
            title="Write Marit two lines about the call",
            change="external",
            facet="relationship",
            details="Only what happened. Not what it means.",
            status="accepted",
            starts_on=days.on(-2),
            due_on=days.on(0),
            intention_id="see him trying",
        ),
        action_item(
            "ask him",
            title="Ask him about the year we sold the house",
            change="external",
            facet="relationship",
            details="In person, at his table, with coffee. I want to tell him about the lamp.",
            status="accepted",
            starts_on=days.on(-2),
            due_on=days.on(12),
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
            scheduled_at=days.at(5, 16),
            setting="telehealth",
            supervision="remote-guide",
        ),
    ]
