"""The test data: people with devices and intentions, in our schema.

All contestants read and write these tables.
"""

import asyncio
import base64
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from app.db import schema
from app.identity.tokens import Tokens
from app.ids import new_id
from app.keyring import Keyring
from app.keyring.rotation import create_keyring
from app.settings import Settings
from tests.bench.planting import Person, add_peers_columns, plant

ISSUER: Final = "https://bench.invalid"
SECRET: Final = base64.b64encode(b"the peers' shared secret of HS256").decode()
TOKEN_SECONDS: Final = 3600


@dataclass
class World:
    """The people, and the URL of their database."""

    url: str
    people: list[Person]
    keyring: Path


def settings_for(url: str, keyring: Path) -> Settings:
    """Return the settings that our server runs with."""
    return Settings(
        database_url=url, keyring=keyring, issuer=ISSUER, access_seconds=TOKEN_SECONDS, statement_seconds=600
    )


def new_world(url: str, folder: Path, sizes: list[int]) -> World:
    """Migrate an empty database, and insert a person with this number of intentions for each size."""
    schema.migrate(url)
    keyring = folder / "keys.json"
    if not keyring.exists():
        create_keyring(keyring, generated=False)
    people = [Person(new_id(), new_id()) for _ in sizes]
    settings = settings_for(url, keyring)
    asyncio.run(add_peers_columns(settings))
    asyncio.run(plant(settings, people, sizes))
    tokens = Tokens(settings, Keyring(keyring))
    for person in people:
        person.token = tokens.issue(person.id, person.device_id, "person")
        person.peers_token = _peers_token(person)
    return World(url, people, keyring)


def _peers_token(person: Person) -> str:
    """Return a token as the other frameworks' documentation does: HS256, which is cheaper to verify than our ES256."""
    from jose import jwt  # noqa: PLC0415 - as a peer would

    now = int(time.time())
    claims = {
        "sub": str(person.id),
        "iat": now,
        "exp": now + TOKEN_SECONDS,
        "jti": new_id().hex,
        "token_type": "access",
    }
    token: str = jwt.encode(claims, SECRET, "HS256")
    return token
