"""The journal: all that a person wrote, by local day, pleasant to read."""

import dataclasses

import pytest
from markdown_it import MarkdownIt

from app.archive import journal
from app.ids import new_id
from app.records import Journal, Resource
from app.resources import RESOURCES
from app.resources.reflections import REFLECTIONS
from app.resources.sessions import SESSIONS
from tests.archive.archives import export
from tests.drafts import Json, create_record, draft_of
from tests.serving import Person
from tests.witness import DOCUMENT

each_kind = pytest.mark.parametrize("resource", RESOURCES, ids=lambda each: each.collection)
STORY = """\
# November 2026

## Friday, 20 November 2026

### 10:30 · Dosing session: Second session

completed · until 12:10 · clinic · in person clinician · racemic ketamine · intramuscular · 62.5 mg · intensity 7 of 10

Music from the first playlist. Cold hands at the beginning, then none at all.

#### Element (emotion): An old sadness

understood · valence -1 (-2 to 2) · intensity 6 of 10 · significance 9 of 10 · written on DAY

It sat under the breastbone and did not want anything. It had been there all along.

**What it means to me:** I have been carrying something that was never mine to solve.

**Where it came from:** The winter when nobody at home spoke, and I thought that it was because of me.

## Sunday, 22 November 2026

### 19:20 · Questionnaire phq 9

after session · completed · total 7 · mild · complete · answers 1, 1, 2, 1, 0, 1, 1, 0, 0, 1 · version 1

About the dosing session “Second session”

### 21:15 · Reflection

mood 6 of 10 · relationships

About the dosing session “Second session”, the element (emotion) “An old sadness”, the intention “When my mother goes \
quiet, I stay, and I do not try to repair it.”

**Question:** When did the old pattern last show up, and what did you do?

She went quiet at dinner. I noticed my hands looking for dishes to wash. I left them on the table.

**I felt:** tender, a little proud
"""


def example(person: Person, resource: Resource, **changes: object) -> Json:
    """Create the documented example of a kind, with its references."""
    response = person.client.post(resource.path, json=dict(resource.example) | changes)
    assert response.status_code == 201, response.text
    record: Json = response.json()
    return record


def headings(text: str) -> list[tuple[str, str]]:
    """Return the tag and the source of each heading."""
    tokens = MarkdownIt("commonmark").parse(text)
    return [(token.tag, tokens[at + 1].content) for at, token in enumerate(tokens) if token.type == "heading_open"]


def test_a_month_reads_like_a_journal(alice: Person) -> None:
    for resource in RESOURCES:
        example(alice, resource)

    archive = export(alice)

    month = archive.files["journal/2026-11.md"].decode()
    written = month.partition("written on ")[2].partition("\n")[0]
    story = STORY.replace("DAY", written)
    assert month.startswith(story[: story.index("## Sunday")])
    assert story[story.index("## Sunday") :] in month
    assert "· Intention: When my mother goes quiet, I stay, and I do not try to repair it." in archive.journal
    assert "for the integration · relationships · active · by 31 December 2026" in archive.journal
    assert "· Action item: Call my mother on Sunday and let the silences be" in archive.journal
    assert "external change · relationship · accepted · due 29 November 2026" in archive.journal
    assert "**If:** If she goes quiet\n\n**Then:** I breathe out" in archive.journal


@each_kind
@pytest.mark.parametrize("how", ["declared", "by default"])
def test_every_word_of_every_kind_is_in_the_journal(
    alice: Person,
    resource: Resource,
    how: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if how == "by default":
        journal.layout.cache_clear()
        monkeypatch.setitem(vars(resource), "journal", Journal())
    shape = DOCUMENT.content["components"]["schemas"][resource.public.__name__]["properties"]
    draft = draft_of(resource, alice)
    words = {name: f"wisteria {new_id().hex}" for name in resource.word_names if name != "status_reason"}
    lists = {name: shape[name].get("minItems", 1) for name in words if "array" in shape[name].get("type", "")}
    draft |= {name: [word] * lists[name] if name in lists else word for name, word in words.items()}
    created = alice.client.post(resource.path, json=draft)
    assert created.status_code == 201, created.text

    text = export(alice).journal

    assert [name for name, word in words.items() if word not in text] == []
    journal.layout.cache_clear()


@each_kind
def test_a_kind_that_declares_nothing_is_written_with_all_its_fields(resource: Resource) -> None:
    plain = dataclasses.replace(resource, journal=Journal())

    layout = journal.layout(plain)

    words = {*layout.labels, layout.title}
    facts = {name for name in plain.field_names if f"{{{name}}}" in " ".join(layout.facts)}
    assert words >= {*plain.word_names}
    assert facts | words | {*plain.references, "visibility", "timezone"} >= {*plain.field_names}
    assert layout.name == layout.name.lower()


def test_a_day_is_that_of_the_records_own_time_zone(alice: Person) -> None:
    late = {"occurred_at": "2026-03-31T22:30:00Z", "session_id": None, "element_id": None, "intention_id": None}
    example(alice, REFLECTIONS, **late, timezone="Europe/Berlin", id=str(new_id()), body="home")
    example(alice, REFLECTIONS, **late, timezone="Asia/Tokyo", id=str(new_id()), body="away")
    example(alice, REFLECTIONS, **late, timezone="America/New_York", id=str(new_id()), body="earlier")

    files = export(alice).files

    assert headings(files["journal/2026-03.md"].decode()) == [
        ("h1", "March 2026"),
        ("h2", "Tuesday, 31 March 2026"),
        ("h3", "18:30 (America/New_York) · Reflection"),
    ]
    assert headings(files["journal/2026-04.md"].decode()) == [
        ("h1", "April 2026"),
        ("h2", "Wednesday, 1 April 2026"),
        ("h3", "00:30 · Reflection"),
        ("h3", "07:30 (Asia/Tokyo) · Reflection"),
    ]


def test_a_session_that_was_not_held_is_dated_by_its_plan_and_gives_its_reason(alice: Person) -> None:
    times = {"scheduled_at": "2026-05-04T08:00:00Z", "started_at": None, "ended_at": None, "title": None}
    example(alice, SESSIONS, **times, status="not-done", status_reason="A cold.")

    text = export(alice).files["journal/2026-05.md"].decode()

    assert "### 10:00 · Dosing session\n" in text
    assert "not done · clinic" in text
    assert "**Reason:** A cold." in text


def test_a_record_without_a_title_is_named_by_its_day(alice: Person) -> None:
    session = example(alice, SESSIONS, title=None)
    create_record(alice.client, REFLECTIONS, alice, session_id=session["id"])

    assert "About the dosing session of 20 November 2026" in export(alice).journal


def test_elements_follow_their_session_in_the_order_of_their_creation(alice: Person) -> None:
    elements = next(each for each in RESOURCES if each.collection == "elements")
    second = example(alice, SESSIONS, id=str(new_id()), started_at="2026-11-20T10:00:00Z", title="Second")
    first = example(alice, SESSIONS, id=str(new_id()), started_at="2026-11-20T09:30:00Z", title="First")
    for title, session in (("a", second), ("b", first), ("c", second)):
        example(alice, elements, id=str(new_id()), session_id=session["id"], title=title)

    assert headings(export(alice).journal)[2:] == [
        ("h3", "10:30 · Dosing session: First"),
        ("h4", "Element (emotion): b"),
        ("h3", "11:00 · Dosing session: Second"),
        ("h4", "Element (emotion): a"),
        ("h4", "Element (emotion): c"),
    ]


def test_a_long_title_is_cut_in_the_heading_and_written_in_full_below(alice: Person) -> None:
    intentions = next(each for each in RESOURCES if each.collection == "intentions")
    statement = "I stay, " * 30 + "and breathe."
    references = dict.fromkeys(intentions.references)
    example(alice, intentions, **references, statement=statement)

    text = export(alice).journal

    ((_, heading),) = headings(text)[2:]
    assert heading.endswith("…")
    assert len(heading.partition("Intention: ")[2]) <= journal.MAX_TITLE
    assert f"\n{statement}\n" in text


@pytest.mark.parametrize("text", ["```\nopen", "<!-- open", "# heading\n## heading", "    code", "---"])
def test_no_text_changes_the_headings_of_the_journal(alice: Person, text: str) -> None:
    example(alice, SESSIONS, title=text, notes=text)
    example(alice, SESSIONS, id=str(new_id()), title="after", started_at="2026-11-20T10:00:00Z")

    found = headings(export(alice).journal)

    assert [tag for tag, _ in found] == ["h1", "h2", "h3", "h3"]
    assert found[-1] == ("h3", "11:00 · Dosing session: after")


@pytest.mark.parametrize(
    ("value", "written"),
    [(True, "yes"), (False, "no"), (3, "3"), (-2, "-2"), (99999.999, "99999.999"), ("not-done", "not done")],
    ids=str,
)
def test_a_value_is_written_as_a_reader_writes_it(value: str | float, written: str) -> None:
    assert journal.format_value(value) == written
