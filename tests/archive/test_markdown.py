"""People's text in Markdown: a reader of CommonMark shows what was typed, and nothing else changes."""

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from app.archive.markdown import escape, paragraphs

TEXTS = {
    "plain": "I sat there for a while, and it was fine.",
    "a heading": "# not a heading",
    "headings of all levels": "## two\n###### six\n#hashtag",
    "an underlined heading": "not a heading\n=====\nnor this\n-----",
    "a rule": "---\n***\n___",
    "a list": "- milk\n+ bread\n* salt",
    "an ordered list": "1. one\n2) two\n1986. a year",
    "a quotation": "> he said\n>> she said",
    "emphasis": "*one* **two** ***three*** _four_ __five__ snake_case_name",
    "struck out": "~~gone~~ but ~5 minutes",
    "code": "`code` and ``more``",
    "a fence that is never closed": "```\nall the rest",
    "another fence": "~~~\nall the rest",
    "indented code": "    four spaces\n\tand a tab",
    "HTML": "<script>alert(1)</script> <b>bold</b> <!-- all the rest",
    "no HTML": "I <3 you, and 2 < 3 > 1",
    "a link": "[click](javascript:alert(1)) ![image](https://example.com/x.png) [a]: https://example.com",
    "an autolink": "<https://example.com>",
    "an entity": "&amp; &#35; &copy; AT&T & co",
    "a table": "a | b\n--|--\n1 | 2",
    "backslashes": "\\# \\\\ ends with \\\nand goes on \\",
    "an escape sequence of a terminal": "\x1b[31mred\x1b[0m \x07",
    "line breaks of other systems": "one\r\ntwo\rthree",
    "blank lines": "\n\none\n\n\n \n two\n",
    "other alphabets": "静かな朝 · тихое утро · صباح هادئ 🌿",
    "closing hashes": "title #",
    "many closing hashes": "title ##",
    "a colon": ":) : definition",
    "a definition": "term\n: what it means",
    "trailing blanks": "one  \ntwo   ",
}
PICTURES = str.maketrans({"\x1b": "␛", "\x07": "␇"})
texts = pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
markdown = MarkdownIt("commonmark").enable(["table", "strikethrough"])


def shown(tokens: list[Token]) -> list[list[str]]:
    """Return the lines of each paragraph, as a reader sees them; fail if there is anything but text."""
    found: list[list[str]] = []
    for token in tokens:
        assert token.type in {"paragraph_open", "paragraph_close", "inline"}, token
        if token.type == "inline":
            lines = [""]
            for child in token.children or []:
                assert child.type in {"text", "text_special", "hardbreak"}, child
                lines += [""] if child.type == "hardbreak" else []
                lines[-1] += child.content
            found.append(lines)
    return found


def typed(text: str) -> list[list[str]]:
    """Return the lines of each paragraph as they were typed; readers do not show how far a paragraph is indented."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").translate(PICTURES).split("\n")
    found: list[list[str]] = [[]]
    for line in lines:
        indent = line[: len(line) - len(line.lstrip())].replace("\t", "    ").replace(" ", "\u00a0")
        found[-1] += [indent + line.strip()] if line.strip() else []
        found += [] if line.strip() else [[]]
    return [[each[0].lstrip(), *each[1:]] for each in found if each]


@texts
def test_a_reader_sees_the_lines_that_were_typed(text: str) -> None:
    assert shown(markdown.parse(paragraphs(text))) == typed(text)


@texts
def test_what_follows_a_text_is_what_it_was(text: str) -> None:
    document = markdown.parse(f"{paragraphs(text)}\n\n## The next day\n")

    assert [token.type for token in document[-3:]] == ["heading_open", "inline", "heading_close"]
    assert document[-2].content == "The next day"


@texts
def test_a_heading_shows_a_text_in_one_line(text: str) -> None:
    heading, inline, end = markdown.parse(f"### At noon: {escape(text)}\n")

    assert (heading.tag, end.tag) == ("h3", "h3")
    assert {child.type for child in inline.children or []} <= {"text", "text_special"}
    seen = "".join(child.content for child in inline.children or [])
    assert seen == f"At noon: {' '.join(text.split()).translate(PICTURES)}"


def test_a_text_without_special_characters_is_unchanged() -> None:
    text = "Slept two hours. Soup (lentils), at 5:30: I said “no”, it's fine; 50% & more!"
    assert paragraphs(text) == escape(text) == text
