"""Checks of problem responses."""

import httpx2 as httpx

from tests.drafts import Json


def refused(response: httpx.Response, status: int, code: str) -> Json:
    """Check the status and the code of a problem response; return its document."""
    document: Json = response.json()
    assert (response.status_code, document["code"]) == (status, code), response.text
    return document


def pointers(response: httpx.Response, code: str = "validation") -> list[str]:
    """Check for a 422 response; return the sorted pointers of its faults."""
    return sorted(fault["pointer"] for fault in refused(response, 422, code)["errors"])


def faults(response: httpx.Response) -> dict[str, str]:
    """Check for a 422 response; return the code of each fault by its pointer."""
    return {fault["pointer"]: fault["code"] for fault in refused(response, 422, "validation")["errors"]}
