"""The data of the benchmarks: our server can read what they insert into its tables."""

from pathlib import Path

from fastapi.testclient import TestClient

from app.main import create_app
from tests.bench.world import new_world, settings_for
from tests.conftest import Databases


def test_the_server_reads_the_records_of_a_benchmark(databases: Databases, database: str, tmp_path: Path) -> None:
    world = new_world(databases.fresh(database), tmp_path, [3, 0])
    with TestClient(create_app(settings_for(world.url, world.keyring))) as client:
        for person, count in zip(world.people, (3, 0), strict=True):
            headers = {"Authorization": f"Bearer {person.token}"}
            items = client.get("/v1/intentions", headers=headers).json()["items"]
            assert [each["id"] for each in items] == [*reversed(person.seqs)]
            assert len(items) == count
            new = {"kind": "integration", "statement": "When my mother goes quiet, I stay."}
            assert client.post("/v1/intentions", headers=headers, json=new).status_code == 201
