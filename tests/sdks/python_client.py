"""Signs in and lists the sessions through the client of openapi-python-client, generated beside this file."""

import sys
from importlib import import_module
from typing import Any


def generated(name: str) -> Any:
    """Return a module of the generated client."""
    return import_module(f"afterglow_client.{name}")


def main(url: str, email: str, password: str) -> None:
    """Call the server at `url`."""
    client, models = generated("client"), generated("models")
    draft = models.LoginDraft(email=email, password=password)
    tokens = generated("api.signing_in.login").sync(client=client.Client(base_url=url), body=draft)
    sessions = generated("api.sessions.list_sessions").sync_detailed(
        client=client.AuthenticatedClient(base_url=url, token=tokens.access_token),
        status=[models.SessionStatus.COMPLETED],
        limit=10,
    )
    titles = [session.title for session in sessions.parsed.items]
    if not titles:
        sys.exit("the demo has completed sessions")
    sys.stdout.write(f"openapi-python-client: {sessions.status_code}, {'; '.join(titles)}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
