"""The doors of clinics: sentences in all that they and their patients send, as their systems and as an attacker would."""

from contextlib import closing
from uuid import UUID

from tests.clinics.clients import Assertions, form
from tests.clinics.keys import ec_key
from tests.custody.doors import Device, Marks, Visitor
from tests.drafts import Json

TOKEN = "/oauth/token"


class System(Visitor):
    """A clinic's system, which authenticates as a client."""

    def __init__(self, url: str, marks: Marks, client_id: UUID, share_code: str) -> None:
        super().__init__(url, marks)
        self.share_code = share_code
        self.assertions = Assertions(url, {"id": client_id})

    def request(self, assertion: str, *, status: int, **changes: str) -> Json:
        """Request a token; note the assertion and the token as secret."""
        self.marks.secret.append(assertion[-60:])
        response = self.send("POST", TOKEN, status=status, data=form(assertion, **changes))
        self.marks.secret += [response["access_token"][-60:]] if status == 200 else []
        return response


def act_for_a_clinic(url: str, marks: Marks, client_id: UUID, share_code: str) -> None:
    """Request tokens in every way, and connect the person and the clinic in both ways."""
    word, say = marks.word, marks.sentence
    with closing(System(url, marks, client_id, share_code)) as system:
        valid, request = system.assertions.valid, system.request
        once = valid(jti=say("jti"), note=say("claim"))
        token = request(once, status=200, note=say("parameter"))["access_token"]
        request(once, status=401)
        for refused in (
            valid(aud=word),
            valid(iss=word),
            system.assertions.signed(key=ec_key(number=1), jti=word),
            f"{once[:-9]}{word}",
            word,
        ):
            request(refused, status=401)
        request(valid(), status=401, client_id=word)
        for name in ("grant_type", "client_assertion_type", "scope"):
            request(valid(), status=400, **{name: word})
        for content in (f"{word}=%FF", f"scope={word}&scope={word}"):
            headers = {"Content-Type": "application/x-www-form-urlencoded"}
            system.send("POST", TOKEN, content.encode(), status=400, headers=headers)
        system.send("POST", TOKEN, {word: say("JSON")}, status=415)
        system.send("POST", TOKEN, word.encode() * 50_000, status=413)
        system.send("GET", "/v1/me", status=403, headers={"Authorization": f"Bearer {token}"})
        for path in ("smart-configuration", "oauth-authorization-server"):
            system.send("GET", f"/.well-known/{path}", status=200, headers={"Origin": f"https://{word}.example.com"})
        system.client.headers["Authorization"] = f"Bearer {token}"
        _register_webhooks(system)
        with closing(Device(url, marks)) as phone:
            _connect(system, phone)


def _register_webhooks(system: System) -> None:
    """Manage webhooks; a URL may be stored, but not logged, and a secret is sealed."""
    marks, word, path = system.marks, system.marks.word, "/v1/clinic/webhooks"
    webhook = system.send("POST", path, {"url": f"https://{marks.name}.invalid/{marks.name}"}, status=201)
    marks.secret += [webhook["secret"]]
    for url in (word, f"https://{word}@a.example/", f"https://127.0.0.1/{word}", f"https://a.example/{word}\0"):
        system.send("POST", path, {"url": url, word: word}, status=422)
        system.send("POST", path, {"url": url}, status=422)
    own = f"{path}/{webhook['id']}"
    marks.secret += [system.send("PATCH", own, {"rotate_secret": True}, status=200)["secret"]]
    system.send("PATCH", own, {"status": word}, status=422)
    system.send("GET", own, status=200)
    assert len(system.send("GET", path, status=200)["items"]) == 1
    removed = system.send("POST", path, {"url": f"https://{marks.name}.invalid/"}, status=201)
    system.send("DELETE", f"{path}/{removed['id']}", status=204)


def _connect(system: System, phone: Device) -> None:
    """Connect by an invitation, end the consent, connect by a proposal; names and charts may be stored, but not logged."""
    marks, word = phone.marks, phone.marks.word
    chart = {"system": "urn:clinic:chart", "value": marks.name}
    terms = {"shares": ["elements"], "receives": True}
    asks = {"identifier": chart, "asks": terms | {"purpose": "treatment"}}
    code = _secret(marks, system.send("POST", "/v1/clinic/invitations", asks, status=201)["code"])
    phone.send("POST", "/v1/codes", {"code": code}, status=200)
    for wrong in (word, marks.sentence("code")):
        phone.send("POST", "/v1/codes", {"code": wrong}, status=404)
        phone.send("POST", "/v1/consents", terms | {"code": wrong}, status=422)
    consent = phone.send("POST", "/v1/consents", terms | {"code": code, "name": marks.name}, status=201)
    (connection,) = system.send(
        "GET", "/v1/clinic/connections", status=200, params={"identifier": f"urn:clinic:chart|{marks.name}"}
    )["items"]
    system.send("GET", "/v1/clinic/connections", status=422, params={"identifier": word})
    path = f"/v1/clinic/connections/{connection['id']}"
    system.send("PATCH", path, {"identifiers": [chart | {"value": f"{marks.name}, moved"}]}, status=200)
    system.send("PATCH", path, {"identifiers": [chart | {"value": f"{word}\0"}]}, status=422)
    for body in (asks | {word: word}, asks | {"identifier": {"system": word, "value": f" {word}"}}, {word: 1}, [word]):
        system.send("POST", "/v1/clinic/invitations", body, status=422)
    own = f"/v1/consents/{consent['id']}"
    phone.send("PATCH", own, {"shares": [word], "name": f"{word}\0"}, status=422)
    phone.send("PATCH", own, {"name": f"{marks.name}, changed"}, status=200)
    phone.send("PATCH", own, {"status": "inactive"}, status=200)
    clinic = phone.send("GET", "/v1/consents", status=200)["items"][0]["clinic"]
    share_code = system.share_code
    proposed = phone.send("POST", "/v1/consents", terms | {"clinic": share_code, "name": marks.name}, status=201)
    assert proposed["clinic"] == clinic
    code = _secret(marks, proposed["code"])
    system.send("POST", "/v1/clinic/connections", {"code": code, "identifier": chart}, status=201)
    assert len(phone.send("GET", "/v1/access", status=200)["items"]) > 3


def _secret(marks: Marks, code: str) -> str:
    """Note a code as secret; return it."""
    marks.secret += [code, code.replace("-", "")]
    return code
