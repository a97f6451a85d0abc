"""Whatever patients and clinics do, a clinic that pulls now and then has what one that pulls everything has."""

import random
from typing import Any, Final

import pytest

from tests.consents.clinic import Clinic, give
from tests.drafts import Json, resource_of, reworded
from tests.exchange.replica import Replica, entry, pulled_anew, push
from tests.exchange.test_visibility import ALL, linked
from tests.serving import Person

STEPS: Final = 60


class _Life:
    """A patient with two clinics, and one step after the other."""

    def __init__(self, person: Person, clinics: list[Clinic], seed: int) -> None:
        self.person, self.clinics, self.random = person, clinics, random.Random(seed)  # noqa: S311 - not a secret
        self.consents: dict[int, Json] = {}
        self.steps = [self.consent, self.end, self.share, self.write, self.turn, self.remove, self.push, self.detach]

    def step(self) -> None:
        """Take a random step."""
        self.random.choice([*self.steps, self.write, self.turn, self.turn])()

    def consent(self) -> None:
        number = self.random.randrange(2)
        if number not in self.consents:
            self.consents[number] = give(self.person, self.clinics[number], f"P-{number}", shares=self.some())

    def end(self) -> None:
        if self.consents and self.random.random() < 0.4:
            consent = self.consents.pop(self.random.choice([*self.consents]))
            self.person.client.patch(f"/v1/consents/{consent['id']}", json={"status": "inactive"})

    def share(self) -> None:
        for consent in self.consents.values():
            self.person.client.patch(f"/v1/consents/{consent['id']}", json={"shares": self.some()})

    def some(self) -> list[str]:
        return [name for name in ALL if self.random.random() < 0.7]

    def write(self) -> None:
        if self.random.random() < 0.3:
            linked(self.person, visibility=self.random.choice(["private", "shared"]))
        else:
            self.change(lambda collection: reworded(resource_of(collection), f"wisteria {self.random.random()}"))

    def turn(self) -> None:
        self.change(lambda _: {"visibility": self.random.choice(["private", "shared"])})

    def change(self, of: Any) -> None:
        collection, record = self.any_record()
        if record:
            path = f"/v1/{collection}/{record['id']}"
            response = self.person.client.patch(path, json=of(collection), headers={"If-Match": "*"})
            assert response.status_code == 200, response.text

    def remove(self) -> None:
        collection, record = self.any_record()
        if record and self.random.random() < 0.3:
            self.person.client.delete(f"/v1/{collection}/{record['id']}", headers={"If-Match": "*"})

    def push(self) -> None:
        for number in self.consents:
            setting = self.random.choice(["clinic", "home"])
            push(
                self.clinics[number],
                entry(self.clinics[number].identifier(f"P-{number}"), f"S-{self.random.randrange(4)}", setting=setting),
            )

    def detach(self) -> None:
        items = self.person.client.get("/v1/sessions").json()["items"]
        for session in [each for each in items if each["clinic_id"]][:1]:
            path = f"/v1/sessions/{session['id']}"
            self.person.client.patch(path, json={"clinic_id": None}, headers={"If-Match": "*"})

    def any_record(self) -> tuple[str, Json | None]:
        collection = self.random.choice(ALL)
        items = self.person.client.get(f"/v1/{collection}", params={"limit": 200}).json()["items"]
        return collection, self.random.choice(items) if items else None


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_copy_is_what_a_new_pull_returns(alice: Person, clinic: Clinic, other_clinic: Clinic, seed: int) -> None:
    clinics = [clinic, other_clinic]
    life, copies = _Life(alice, clinics, seed), [Replica(each) for each in clinics]
    life.consent()
    for _ in range(STEPS):
        life.step()
        for copy in copies:
            if life.random.random() < 0.5:
                copy.pull(limit=life.random.choice([1, 3, 100]))
    for number, (copy, each) in enumerate(zip(copies, clinics, strict=True)):
        copy.pull()
        assert copy.records == pulled_anew(each)
        assert bool(copy.records) == (number in life.consents)
        seen = [(change["patient"], change["collection"], change["id"], change["version"]) for change in copy.received]
        assert len({*seen}) == len(seen)
