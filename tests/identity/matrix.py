"""The access matrix: the expected status of every operation, for every kind of caller and object, in one table.

A row has the status without a valid token, the status for the caller's own object, and the status for another person's,
a missing or a removed object. A row without the last one has no object but the caller. An operation of the OpenAPI
document without a row fails the suite; a new one needs a row, and a body if it takes one.
"""

from typing import Final, NamedTuple

from app.resources import RESOURCES
from tests.serving import PASSWORD


class Row(NamedTuple):
    """The statuses that an operation answers with."""

    nobody: int
    own: int
    other: int | None = None


NOBODY: Final = ("anonymous", "expired", "ended device", "wrong audience")
SIGNED_IN: Final = ("Alice", "Bob", "clinician", "admin")
OBJECTS: Final = ("Bob's", "missing", "removed", "own")
ONES: Final = tuple(resource.collection.replace("-", "_").removesuffix("s") for resource in RESOURCES)

ROWS: Final[dict[str, Row]] = {
    # Anybody may ask, and who asks makes no difference
    "livez": Row(200, 200),
    "readyz": Row(200, 200),
    "get_problem": Row(200, 200),
    "get_public_keys": Row(200, 200),
    "register": Row(202, 202),
    "forgot_password": Row(202, 202),
    "verify": Row(401, 401),
    "login": Row(401, 401),
    "refresh_tokens": Row(401, 401),
    "reset_password": Row(401, 401),
    # Allowed to every signed-in caller, about their own account
    "logout": Row(401, 204),
    "logout_all": Row(401, 204),
    "list_devices": Row(401, 200),
    "change_password": Row(401, 204),
    "get_me": Row(401, 200),
    "change_me": Row(401, 200),
    "get_sync_state": Row(401, 200),
    "pull_changes": Row(401, 200),
    "push_changes": Row(401, 200),
    "follow_changes": Row(401, 200),
    **{f"create_{one}": Row(401, 201) for one in ONES},
    **{f"list_{one}s": Row(401, 200) for one in ONES},
    # Allowed on the caller's own objects; another person's, a missing and a removed one get the same response
    "end_device": Row(401, 204, 404),
    **{f"get_{one}": Row(401, 200, 404) for one in ONES},
    **{f"change_{one}": Row(401, 200, 404) for one in ONES},
    **{f"remove_{one}": Row(401, 204, 404) for one in ONES},
}

_NOBODYS: Final = "wisteria.matrix@example.com"
BODIES: Final[dict[str, object]] = {
    "register": {"email": _NOBODYS, "password": PASSWORD},
    "verify": {"email": _NOBODYS, "code": "000000"},
    "login": {"email": _NOBODYS, "password": PASSWORD},
    "refresh_tokens": {"refresh_token": "wisteria"},
    "forgot_password": {"email": _NOBODYS},
    "reset_password": {"email": _NOBODYS, "code": "WISTERIA00", "new": PASSWORD},
    "change_me": {"display_name": "wisteria"},
    "change_password": {"current": PASSWORD, "new": "wisteria over the door"},
    "push_changes": {"ops": []},
    **{f"change_{one}": {"visibility": "shared"} for one in ONES},
}
"""What is sent along, where it is not the draft of a record."""
