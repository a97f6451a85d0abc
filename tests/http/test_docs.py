"""The docs pages' parts, without a browser."""

import pytest

from tests.witness import Client


@pytest.mark.parametrize("name", ["wisteria.js", "swagger.html"])
def test_only_the_pages_own_parts_are_served(anyone: Client, name: str) -> None:
    assert anyone.get(f"/docs/assets/{name}").status_code == 404
