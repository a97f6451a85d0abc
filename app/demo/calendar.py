"""The demo's calendar links, to which examples of the OpenAPI document refer.

One example requests the calendar of a link; another example deletes a link.
"""

import secrets
from contextlib import suppress
from typing import Final
from uuid import UUID

from app.calendar import examples
from app.calendar.links import SECRET_BYTES, add_link, links_of
from app.calendar.shapes import CalendarLinkDraft
from app.problems import TooManyLinks
from app.services import Services

_LINKS: Final = (
    (UUID(examples.REMOVABLE_ID), CalendarLinkDraft(label="Calendar of a former phone"), None),
    (
        UUID(examples.LINK_ID),
        CalendarLinkDraft(label=examples.LINK["label"], titles=examples.LINK["titles"]),
        examples.SECRET,
    ),
)


async def create_links(services: Services, owner_id: UUID) -> None:
    """Create the demo's links that do not exist. Stop if the account has its maximum number of links."""
    known = {link["id"] for link in await links_of(services, owner_id)}
    with suppress(TooManyLinks):  # a tester has created other links
        for id, draft, secret in _LINKS:
            if id not in known:
                await add_link(services, owner_id, draft, id, secret or secrets.token_urlsafe(SECRET_BYTES))
