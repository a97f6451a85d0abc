"""What a refusal looks like."""

import httpx2 as httpx

from tests.drafts import Json


def refused(response: httpx.Response, status: int, code: str) -> Json:
    """Return the problem document of an answer that refuses for one reason."""
    document: Json = response.json()
    assert (response.status_code, document["code"]) == (status, code), response.text
    return document


def pointers(response: httpx.Response, code: str = "validation") -> list[str]:
    """Return, in order, where an answer says that the input is wrong."""
    return sorted(fault["pointer"] for fault in refused(response, 422, code)["errors"])


def faults(response: httpx.Response) -> dict[str, str]:
    """Return which rule is broken where."""
    return {fault["pointer"]: fault["code"] for fault in refused(response, 422, "validation")["errors"]}
