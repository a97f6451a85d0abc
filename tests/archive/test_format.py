"""The paths of an archive."""

import pytest

from app.archive.format import collection_of, is_known, journal_path, records_path

KNOWN = (
    "README.txt",
    "manifest.json",
    "SHA256SUMS",
    "access.jsonl",
    "records/sessions.jsonl",
    "records/action-items.jsonl",
    "journal/2026-11.md",
)
UNKNOWN = (
    "",
    "readme.txt",
    "records/",
    "records/Sessions.jsonl",
    "records/-.jsonl",
    "records/a/b.jsonl",
    "records/../x.jsonl",
    "/records/sessions.jsonl",
    "./records/sessions.jsonl",
    "records\\sessions.jsonl",
    "records/sessions.jsonl\n",
    "journal/2026-13.md",
    "journal/2026-1.md",
    "journal/\uff12\uff10\uff12\uff16-11.md",
    "journal/2026-11.md/x",
)


@pytest.mark.parametrize("path", KNOWN)
def test_an_archive_may_contain(path: str) -> None:
    assert is_known(path)


@pytest.mark.parametrize("path", UNKNOWN, ids=ascii)
def test_an_archive_may_not_contain(path: str) -> None:
    assert not is_known(path)


@pytest.mark.parametrize("collection", ["sessions", "action-items"])
def test_the_path_of_records_names_their_collection(collection: str) -> None:
    path = records_path(collection)

    assert collection_of(path) == collection
    assert is_known(path)


def test_a_journal_contains_no_records() -> None:
    path = journal_path("2026-11")

    assert is_known(path)
    assert collection_of(path) is None
