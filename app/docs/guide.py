"""Renders the guide as HTML with a table of contents."""

import re
from itertools import pairwise
from typing import Final

from markdown_it import MarkdownIt

_markdown: Final = MarkdownIt("commonmark", {"html": False}).enable("table")


def render_guide(text: str) -> tuple[str, str]:
    """Return the table of contents and the text of a Markdown document, both as HTML.

    The HTML id of each heading consists of the words of the heading in lower case, joined by hyphens.
    """
    tokens = _markdown.parse(text)
    entries = []
    for opening, inline in pairwise(tokens):
        if opening.type == "heading_open":
            name = re.sub(r"\W+", "-", inline.content.lower()).strip("-")
            opening.attrSet("id", name)
            if opening.tag != "h1":
                title = _markdown.renderInline(inline.content)
                entries.append(f'<li class="depth-{opening.tag[1]}"><a href="#{name}">{title}</a></li>')
    contents = "\n".join(["<ul>", *entries, "</ul>"])
    return contents, _markdown.renderer.render(tokens, _markdown.options, {})
