"""The assets of the docs pages, without a browser."""

import pytest

from tests.witness import Client


@pytest.mark.parametrize("name", ["wisteria.js", "swagger.html"])
def test_an_unknown_asset_is_404(anyone: Client, name: str) -> None:
    assert anyone.get(f"/docs/assets/{name}").status_code == 404
