"""The access matrix: the status of each operation for each kind of caller and object, as one table to review.

A row has the status for callers who are not signed in, for a person's own object, and for all other objects: another
person's, a missing or a removed one. A row without the last is about the caller only. Each operation of the document needs
a row, and a body if it takes one.
"""

from typing import Final, NamedTuple

from app.resources import RESOURCES
from app.resources.practices import PRACTICES
from tests.archive.packing import archive_of
from tests.clinics.clients import form
from tests.serving import PASSWORD


class Row(NamedTuple):
    """The statuses that an operation answers with."""

    anonymous: int
    own: int
    other: int | None = None


NOT_SIGNED_IN: Final = ("anonymous", "expired", "ended device", "wrong audience", "closed account", "erased account")
SIGNED_IN: Final = ("Alice", "Bob", "clinician", "admin")
OBJECTS: Final = ("Bob's", "missing", "removed", "own")
ONES: Final = tuple(resource.table.name for resource in RESOURCES)

ROWS: Final[dict[str, Row]] = {
    # Public operations
    "livez": Row(200, 200),
    "readyz": Row(200, 200),
    "get_problem": Row(200, 200),
    "list_instruments": Row(200, 200),
    "get_instrument": Row(200, 200),
    "list_prompts": Row(200, 200),
    "get_help": Row(200, 200),
    "get_public_keys": Row(200, 200),
    "get_calendar": Row(404, 404),
    "get_smart_configuration": Row(200, 200),
    "get_fhir_smart_configuration": Row(200, 200),
    "get_authorization_server": Row(200, 200),
    "request_client_token": Row(401, 401),
    "register": Row(202, 202),
    "forgot_password": Row(202, 202),
    "verify": Row(401, 401),
    "login": Row(401, 401),
    "refresh_tokens": Row(401, 401),
    "reset_password": Row(401, 401),
    "reopen_account": Row(401, 401),
    "sign_in_with_second_factor": Row(401, 401),
    "set_up_at_sign_in": Row(401, 401),
    # Operations about the caller
    "logout": Row(401, 204),
    "logout_all": Row(401, 204),
    "list_devices": Row(401, 200),
    "change_password": Row(401, 204),
    "close_account": Row(401, 202),
    "get_second_factor": Row(401, 200),
    "set_up_second_factor": Row(401, 200),
    "confirm_second_factor": Row(401, 401),
    "remove_second_factor": Row(401, 404),
    "get_me": Row(401, 200),
    "change_me": Row(401, 200),
    "request_email_change": Row(401, 202),
    "confirm_email_change": Row(401, 401),
    "get_sync_state": Row(401, 200),
    "pull_changes": Row(401, 200),
    "push_changes": Row(401, 200),
    "import_archive": Row(401, 200),
    "follow_changes": Row(401, 200),
    "export_account": Row(401, 200),
    "look_up_code": Row(401, 404),
    "get_today": Row(401, 200),
    "get_progress": Row(401, 200),
    "get_timeline": Row(401, 200),
    "get_inbox": Row(401, 200),
    "search_records": Row(401, 200),
    "create_calendar_link": Row(401, 201),
    "list_calendar_links": Row(401, 200),
    "create_consent": Row(401, 422),
    "list_consents": Row(401, 200),
    "list_accesses": Row(401, 200),
    **{f"create_{one}": Row(401, 201) for one in ONES},
    **{f"list_{resource.collection.replace('-', '_')}": Row(401, 200) for resource in RESOURCES},
    # Operations on an object: those of other people, missing and removed ones look the same
    "end_device": Row(401, 204, 404),
    **{f"get_{one}": Row(401, 200, 404) for one in ONES},
    **{f"get_{one}_history": Row(401, 200, 404) for one in ONES},
    **{f"change_{one}": Row(401, 200, 404) for one in ONES},
    **{f"remove_{one}": Row(401, 204, 404) for one in ONES},
    "get_chain": Row(401, 200, 404),
    "get_chart": Row(401, 200, 404),
    "get_consent": Row(401, 200, 404),
    "change_consent": Row(401, 200, 404),
    "remove_calendar_link": Row(401, 204, 404),
    # Operations of a clinic's client: a person is refused
    "get_clinic": Row(401, 403),
    "create_invitation": Row(401, 403),
    "list_invitations": Row(401, 403),
    "withdraw_invitation": Row(401, 403, 403),
    "create_connection": Row(401, 403),
    "list_connections": Row(401, 403),
    "change_connection": Row(401, 403, 403),
    "push_sessions": Row(401, 403),
    "pull_clinic_changes": Row(401, 403),
    "create_webhook": Row(401, 403),
    "list_webhooks": Row(401, 403),
    "get_webhook": Row(401, 403, 403),
    "change_webhook": Row(401, 403, 403),
    "remove_webhook": Row(401, 403, 403),
    "get_fhir_metadata": Row(200, 200),
    "search_fhir": Row(401, 403),
    "search_fhir_by_form": Row(401, 403),
    "read_fhir": Row(401, 403, 403),
    "create_fhir": Row(401, 403),
    "put_fhir": Row(401, 403),
    "update_fhir": Row(401, 403, 403),
    "send_bundle": Row(401, 403),
    "start_export": Row(401, 403),
    "start_export_by_resource": Row(401, 403),
    "start_patient_export": Row(401, 403),
    "start_patient_export_by_resource": Row(401, 403),
    "get_export": Row(401, 403, 403),
    "delete_export": Row(401, 403, 403),
    "download_deletions": Row(401, 403, 403),
    "download_resources": Row(401, 403, 403),
}

_UNKNOWN_EMAIL: Final = "wisteria.matrix@example.com"
BODIES: Final[dict[str, object]] = {
    "register": {"email": _UNKNOWN_EMAIL, "password": PASSWORD},
    "verify": {"email": _UNKNOWN_EMAIL, "code": "000000"},
    "login": {"email": _UNKNOWN_EMAIL, "password": PASSWORD},
    "refresh_tokens": {"refresh_token": "wisteria"},
    "forgot_password": {"email": _UNKNOWN_EMAIL},
    "reset_password": {"email": _UNKNOWN_EMAIL, "code": "WISTERIA00", "new": PASSWORD},
    "reopen_account": {"email": _UNKNOWN_EMAIL, "code": "WISTERIA00"},
    "close_account": {"password": PASSWORD},
    "sign_in_with_second_factor": {"ticket": "wisteria", "code": "000000"},
    "set_up_at_sign_in": {"ticket": "wisteria"},
    "set_up_second_factor": {"password": PASSWORD},
    "confirm_second_factor": {"code": "000000"},
    "remove_second_factor": {"password": PASSWORD, "code": "000000"},
    "request_email_change": {"password": PASSWORD, "email": _UNKNOWN_EMAIL},
    "confirm_email_change": {"code": "WISTERIA00"},
    "change_me": {"display_name": "wisteria"},
    "change_password": {"current": PASSWORD, "new": "wisteria over the door"},
    "push_changes": {"ops": []},
    "look_up_code": {"code": "WISTERIA"},
    "create_consent": {"code": "WISTERIA", "shares": [], "receives": False},
    "change_consent": {"receives": False},
    "search_records": {"q": "wisteria"},
    "create_calendar_link": {"label": "wisteria"},
    "import_archive": archive_of({}),
    **{f"change_{one}": {"visibility": "shared"} for one in ONES},
}
"""The bodies of operations that do not take the draft of a record; bytes are an archive."""
ABOUT: Final = {"get_chain": RESOURCES[0], "get_chart": PRACTICES}
"""The kind of record that an operation is about if its name does not say so."""
QUERIES: Final = {"get_chart": {"measure": "practice:{id}"}}
"""The queries of operations that need one; `{id}` is the object."""
FORMS: Final[dict[str, dict[str, str]]] = {"request_client_token": form("wisteria")}
"""The bodies that are forms."""
