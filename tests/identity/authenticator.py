"""An authenticator app in the tests: it knows the secret, and shows the codes of any time."""

import time
from typing import Any

import pyotp

from app import clock
from tests.serving import PASSWORD, Person, Server
from tests.witness import Client

TOTP = "/v1/me/totp"
LOGIN = "/v1/auth/login"
SECOND = "/v1/auth/second-factor"
PERIOD = 30
SECONDS_LEFT = 3
"""A code is not used if its period ends sooner."""
Json = dict[str, Any]


class Authenticator:
    """Shows codes of a secret. Each call shows the code of a later period, so that no code is used twice.

    Codes of the periods -1, 0 and 1 are accepted, so three codes can be used in one period of 30 seconds.
    """

    def __init__(self, secret: str) -> None:
        self._totp = pyotp.TOTP(secret)
        self._next = -1

    def code(self, steps: int | None = None) -> str:
        """Return the code of the period that many steps from now; by default the next one that was not shown.

        Close to the end of a period, wait for the next one, so that the request is checked in the same period.
        """
        if steps is None:
            steps, self._next = self._next, self._next + 1
        left = PERIOD - clock.now().timestamp() % PERIOD
        if left < SECONDS_LEFT:
            time.sleep(left)
        return self._totp.generate_otp(int(clock.now().timestamp()) // PERIOD + steps)


def turn_on(person: Person) -> tuple[Authenticator, list[str]]:
    """Turn a person's second factor on; return the authenticator app, and the recovery codes."""
    response = person.client.post(TOTP, json={"password": PASSWORD})
    assert response.status_code == 200, response.text
    authenticator = Authenticator(response.json()["secret"])
    confirmed = person.client.post(f"{TOTP}/confirm", json={"code": authenticator.code()})
    assert confirmed.status_code == 200, confirmed.text
    return authenticator, confirmed.json()["recovery_codes"]


def log_in(server: Server, person: Person, **more: str) -> Any:
    """Send a person's password; return the response."""
    return server.anyone.post(LOGIN, json={"email": person.email, "password": PASSWORD, **more})


def ticket_of(server: Server, person: Person, **more: str) -> str:
    """Send a person's password; return the ticket that is the answer."""
    response = log_in(server, person, **more)
    assert (response.status_code, response.json()["code"]) == (401, "second-factor-required"), response.text
    return str(response.json()["ticket"])


def second(client: Client, ticket: str, code: str) -> Any:
    """Send a ticket and a code; return the response."""
    return client.post(SECOND, json={"ticket": ticket, "code": code})
