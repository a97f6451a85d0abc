"""Creates, lists, changes, pushes and pulls reflections through the client of openapi-python-client."""

import sys
from importlib import import_module
from pkgutil import walk_packages
from typing import Any, Final

MOOD: Final = 7


def generated(name: str) -> Any:
    """Return a module of the generated client, which is beside this file."""
    return import_module(f"afterglow_client.{name}")


def main(url: str, email: str, password: str) -> None:
    """Call the server at `url`; exit with what is wrong."""
    package = import_module("afterglow_client")
    modules = [import_module(each.name) for each in walk_packages(package.__path__, "afterglow_client.")]
    client, models = generated("client"), generated("models")
    draft = models.LoginDraft(email=email, password=password)
    tokens = generated("api.signing_in.login").sync(client=client.Client(base_url=url), body=draft)
    signed_in = client.AuthenticatedClient(base_url=url, token=tokens.access_token)

    def call(name: str, *path: object, **options: Any) -> Any:
        return generated(f"api.{name}").sync(*path, client=signed_in, **options)

    body = models.ReflectionDraft(body="Written in Python.")
    created = call("reflections.create_reflection", body=body)
    page = call("reflections.list_reflections", limit=10)
    if page.items[0].id != created.id:
        sys.exit("list")
    tag = f'"{created.version}"'
    patch = models.ReflectionPatch(title="Changed")
    changed = call("reflections.change_reflection", created.id, body=patch, if_match=tag)
    op = models.ReflectionSyncOp.from_dict(
        {
            "op": "upsert",
            "collection": "reflections",
            "id": str(created.id),
            "set": {"mood": MOOD},
            "base": changed.version,
        }
    )
    result = call("sync.push_changes", body=models.SyncPush(ops=[op])).results[0]
    if not isinstance(result, models.ReflectionSyncResult) or result.record.mood != MOOD:
        sys.exit("push")
    since, found, more = "0", False, True
    while more:
        pulled = call("sync.pull_changes", since=since)
        found |= any(each.id == created.id and each.version == result.version for each in pulled.changes)
        since, more = pulled.cursor, pulled.has_more
    if not found:
        sys.exit("pull")
    sys.stdout.write(
        f"openapi-python-client: {created.id} created, listed, changed, pushed and pulled; {len(modules)} modules\n"
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
