"""Scopes: what an operator can register, and what a request is granted of it."""

import pytest

from app.clinics import scopes
from app.clinics.scopes import ScopeError

ALL = (
    "system/Patient.crus system/Procedure.crus system/MedicationAdministration.crus system/Observation.rs"
    " system/Goal.rs system/Task.rs system/DocumentReference.rs system/QuestionnaireResponse.rs system/Consent.rs"
    " system/Subscription.cruds"
)
READ_ONLY = ALL.replace("crus", "rs").replace("cruds", "rs")
REGISTERED = {
    "one": ("system/Patient.crus", "system/Patient.crus"),
    "a part": ("system/Patient.rs", "system/Patient.rs"),
    "blanks and lines": ("  system/Goal.rs\n system/Task.r ", "system/Goal.rs system/Task.r"),
    "in their order": ("system/Task.s system/Goal.r", "system/Goal.r system/Task.s"),
    "the sum": ("system/Patient.r system/Patient.cs", "system/Patient.crs"),
    "everything": ("system/*.cruds", ALL),
    "everything of version 1": ("system/*.*", ALL),
    "reading": ("system/*.rs", READ_ONLY),
    "reading of version 1": ("system/*.read", READ_ONLY),
    "writing of version 1": ("system/Patient.write", "system/Patient.cu"),
    "all of a type": ("system/Procedure.*", "system/Procedure.crus"),
    "deleting": ("system/*.d", "system/Subscription.d"),
}
REFUSED = {
    "none": ("", "no scope"),
    "blanks": ("  ", "no scope"),
    "a word": ("openid", "'openid' is not a scope"),
    "of a patient": ("patient/Goal.rs", "is not a scope"),
    "of a user": ("user/*.rs", "is not a scope"),
    "an unknown type": ("system/Practitioner.rs", "names an unknown resource type"),
    "a type in lower case": ("system/patient.rs", "names an unknown resource type"),
    "beyond what is supported": ("system/Patient.cruds", "goes beyond what is supported: system/Patient.crus"),
    "writing what is read only": ("system/Goal.cud", "goes beyond what is supported: system/Goal.rs"),
    "nothing of version 1": ("system/Goal.write", "no scope"),
    "another order": ("system/Patient.sr", "is not a scope"),
    "twice the same letter": ("system/Patient.rr", "is not a scope"),
    "no letters": ("system/Patient.", "is not a scope"),
    "an unknown letter": ("system/Patient.x", "is not a scope"),
    "a filter": ("system/Observation.rs?category=survey", "is not a scope"),
    "a line within": ("system/Pat\0ient.rs", r"'system/Pat\\x00ient.rs' is not a scope"),
}
GRANTED = {
    "the same": ("system/Patient.rs system/Goal.rs", "system/Patient.rs system/Goal.rs"),
    "less": ("system/Goal.r", "system/Goal.r"),
    "letters beyond": ("system/Patient.cruds", "system/Patient.rs"),
    "types beyond": ("system/Goal.rs system/Task.rs", "system/Goal.rs"),
    "everything": ("system/*.cruds", "system/Patient.rs system/Goal.rs"),
    "everything of version 1": ("system/*.*", "system/Patient.rs system/Goal.rs"),
    "reading of version 1": ("system/Patient.read", "system/Patient.rs"),
    "a search": ("system/*.s", "system/Patient.s system/Goal.s"),
    "of other kinds": ("openid launch system/Goal.rs patient/*.rs", "system/Goal.rs"),
    "twice": ("system/Goal.r system/Goal.s system/Goal.r", "system/Goal.rs"),
    "a filter is more than we can limit": ("system/Goal.rs?status=active", ""),
    "nothing": ("system/Task.rs", ""),
    "writing of version 1": ("system/*.write", ""),
    "an unknown type": ("system/Practitioner.rs", ""),
    "another order": ("system/Goal.sr", ""),
}


@pytest.mark.parametrize("case", REGISTERED)
def test_what_can_be_registered(case: str) -> None:
    text, expected = REGISTERED[case]
    found = scopes.registered(text)
    assert scopes.render(found) == expected
    assert scopes.parse(expected) == found


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_registered(case: str) -> None:
    text, reason = REFUSED[case]
    with pytest.raises(ScopeError, match=reason):
        scopes.registered(text)


@pytest.mark.parametrize("case", GRANTED)
def test_what_a_request_is_granted(case: str) -> None:
    text, expected = GRANTED[case]
    assert scopes.render(scopes.granted(scopes.parse("system/Patient.rs system/Goal.rs"), text)) == expected


@pytest.mark.parametrize(
    "text",
    ["", " ", "system/Goal.rs ", " system/Goal.rs", "system/Goal.rs  system/Task.rs", 'a"b', "a\\b", "ä", "a\tb", "\0"],
    ids=["empty", "blank", "blank after", "blank before", "two blanks", "quote", "backslash", "umlaut", "tab", "NUL"],
)
def test_a_malformed_list_is_refused(text: str) -> None:
    with pytest.raises(ScopeError):
        scopes.granted(scopes.parse(ALL), text)
