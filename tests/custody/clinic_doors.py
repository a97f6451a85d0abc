"""The doors for a clinic's client: sentences in all parameters and claims, as its system and as an attacker would send them."""

from contextlib import closing
from uuid import UUID

from tests.clinics.clients import Assertions, form
from tests.clinics.keys import ec_key
from tests.custody.doors import Marks, Visitor
from tests.drafts import Json

TOKEN = "/oauth/token"


class System(Visitor):
    """A clinic's system, which authenticates as a client."""

    def __init__(self, url: str, marks: Marks, client_id: UUID) -> None:
        super().__init__(url, marks)
        self.assertions = Assertions(url, {"id": client_id})

    def request(self, assertion: str, *, status: int, **changes: str) -> Json:
        """Request a token; note the assertion and the token as secret."""
        self.marks.secret.append(assertion[-60:])
        response = self.send("POST", TOKEN, status=status, data=form(assertion, **changes))
        self.marks.secret += [response["access_token"][-60:]] if status == 200 else []
        return response


def request_tokens(url: str, marks: Marks, client_id: UUID) -> None:
    """Request tokens in every way."""
    word, say = marks.word, marks.sentence
    with closing(System(url, marks, client_id)) as system:
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
