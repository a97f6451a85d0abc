"""A receiver of webhooks: it keeps the messages, verifies them by the library of Standard Webhooks, and can be slow."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx2 as httpx
from standardwebhooks import Webhook

from app.ids import new_id
from tests.consents.clinic import Clinic
from tests.drafts import Json
from tests.waiting import wait_until

SECONDS = 30
PATH = "/v1/clinic/webhooks"


class Message:
    """One request, as it was received."""

    def __init__(self, headers: dict[str, str], body: bytes) -> None:
        self.headers, self.body = headers, body

    @property
    def id(self) -> str:
        """The id of the message."""
        return self.headers["webhook-id"]

    def verified(self, secret: str) -> Any:
        """Return the body; raise `WebhookVerificationError` if no signature is by this secret."""
        return Webhook(secret).verify(self.body, self.headers)


class Hook:
    """Receives messages at `url`. It responds with `status`, while `open` is set."""

    def __init__(self) -> None:
        self.status = 204
        self._created: list[tuple[Clinic, str]] = []
        path = f"/{new_id()}"  # a former receiver may have had the same port
        self.messages: list[Message] = []
        self.open = threading.Event()
        self.open.set()
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.path == path:
                    hook.messages.append(Message({name.lower(): value for name, value in self.headers.items()}, body))
                hook.open.wait(SECONDS)
                self.send_response(hook.status)
                self.send_header("Location", hook.url)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_arguments: object) -> None:
                """Print nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}{path}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        """Delete the webhooks, respond to waiting requests, and stop."""
        for clinic, id in self._created:
            with suppress(httpx.TransportError, RuntimeError):  # the test has stopped the server
                clinic.client.delete(f"{PATH}/{id}")
        self.open.set()
        self._server.shutdown()
        self._server.server_close()

    def received(self, count: int) -> list[Message]:
        """Wait until there are as many messages; return them."""
        wait_until(lambda: len(self.messages) >= count, SECONDS)
        return self.messages

    def create(self, clinic: Clinic) -> Json:
        """Create a webhook of a clinic for this receiver; return it with its secret."""
        response = clinic.client.post(PATH, json={"url": self.url})
        assert response.status_code == 201, response.text
        webhook: Json = response.json()
        assert response.headers["location"] == f"{PATH}/{webhook['id']}"
        self._created.append((clinic, webhook["id"]))
        return webhook


@contextmanager
def hooking() -> Iterator[Hook]:
    """Run a receiver until the block ends."""
    hook = Hook()
    try:
        yield hook
    finally:
        hook.close()


def read(clinic: Clinic, webhook: Json) -> Json:
    """Return a webhook, as its clinic sees it."""
    response = clinic.client.get(f"{PATH}/{webhook['id']}")
    assert response.status_code == 200, response.text
    found: Json = response.json()
    return found
