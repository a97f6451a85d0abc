"""The doors of a server: each operation, with sentences in all that it accepts, as apps use it and as an attacker would."""

import json
import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from functools import partial
from io import BytesIO
from itertools import islice
from typing import Any, Final
from zipfile import ZIP_STORED, ZipFile

import httpx2 as httpx

from app.archive.format import MEDIA_TYPE, records_path
from app.ids import new_id
from app.records import Resource
from app.resources import RESOURCES
from tests.archive.packing import complete, files_of, journal, zipped
from tests.drafts import Json, reworded
from tests.mailbox import Mailbox
from tests.witness import DOCUMENT, PAGES

SECONDS = 60
ANY: Final = {"If-Match": "*"}
Say = Callable[[str], str]


class Marks:
    """Texts that nothing may contain, made anew for each test."""

    def __init__(self) -> None:
        letters = "abcdefghijkmnopqrstuvwxyz"
        self.word, self.password, self.name = (
            kind + "".join(secrets.choice(letters) for _ in range(20)) for kind in ("wisteria", "secret", "name")
        )
        self.email = f"{self.name}@example.com"
        self.secret: list[str] = [self.word, self.password]
        """What is stored sealed or hashed, or not at all: with tokens and codes, as they are issued."""
        self.called: set[tuple[str, str]] = set()
        """The operations that were called: method and path."""

    def sentence(self, door: str) -> str:
        """Return a sentence with the word that nothing may contain."""
        return f"Ünder the {self.word}, ich hörte: {door}."

    def another_email(self, part: str) -> str:
        """Return another e-mail address of the person."""
        return f"{part}-{self.email}"


class Visitor:
    """Sends anything, not signed in."""

    def __init__(self, url: str, marks: Marks) -> None:
        self.marks = marks
        self.client = httpx.Client(base_url=url, timeout=SECONDS, event_hooks={"request": [self._note]})

    def close(self) -> None:
        """Close the connections."""
        self.client.close()

    def _note(self, request: httpx.Request) -> None:
        parts = request.url.path.split("/")
        for path, operations in DOCUMENT.paths.items():
            if len(path.split("/")) == len(parts) and request.method.lower() in operations:
                pairs = zip(path.split("/"), parts, strict=True)
                if all(part in (named, "{id}", "{code}") or named.startswith("{") for named, part in pairs):
                    self.marks.called.add((request.method, path))

    def send(self, method: str, path: str, body: object = None, *, status: int, **options: Any) -> Json:
        """Send a request, and check the status of its response."""
        content = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"} if content is not None else {}
        response = self.client.request(
            method, path, content=content, headers=headers | options.pop("headers", {}), **options
        )
        assert response.status_code == status, (path, response.text)
        found: Json = response.json() if "json" in response.headers.get("content-type", "") else {}
        return found

    def keep(self, tokens: Json) -> Json:
        """Note tokens as secret; return them. The first part of an access token is not: the head of a JWT."""
        self.marks.secret += [tokens["refresh_token"], tokens["access_token"][-60:]]
        return tokens


class Device(Visitor):
    """A device of the person, signed in."""

    def __init__(self, url: str, marks: Marks) -> None:
        super().__init__(url, marks)
        credentials = {"email": marks.email, "password": marks.password, "device_name": marks.name}
        self.tokens = self.keep(self.send("POST", "/v1/auth/login", credentials, status=200))
        self.client.headers["Authorization"] = f"Bearer {self.tokens['access_token']}"


LISTS = {"emotions": 1, "scale": 5}
"""The fields that are lists of texts, and how many texts each gets."""


def write_through_every_door(url: str, marks: Marks) -> None:
    """Send sentences in every way. Nothing is mailed yet, so that each e-mail stays a job."""
    with closing(Device(url, marks)) as phone, closing(Device(url, marks)) as tablet:
        links: dict[str, str] = {}
        for kind in RESOURCES:
            _write(phone, tablet, kind, links)
        _read(phone)
        _import(phone)
        _subscribe(phone)
        _change_account(phone)
        _try_what_is_new(phone)


def _write(phone: Device, tablet: Device, kind: Resource, links: dict[str, str]) -> None:
    """Create, change, read, push and remove records of a kind."""
    say = phone.marks.sentence
    texts = {name: say(f"{kind.collection}, post") for name in kind.word_names if name not in LISTS}
    lists = {name: [phone.marks.word] * count for name, count in LISTS.items() if name in kind.word_names}
    known = {field: links[target.collection] for field, target in kind.targets.items() if target.collection in links}
    draft = {name: value for name, value in kind.example.items() if name not in kind.targets}
    draft |= {name: value for name, value in texts.items() if name in kind.example or name == kind.text}
    draft |= lists | known | {"id": str(new_id())}
    record = phone.send("POST", kind.path, draft, status=201)
    links[kind.collection] = record["id"]
    path = f"{kind.path}/{record['id']}"
    for device, door in ((phone, "patch"), (tablet, "patch by a tablet"), (phone, "patch by the phone again")):
        device.send("PATCH", path, reworded(kind, say(door)), status=200, headers=ANY)
    stale = {"If-Match": f'"{record["version"]}"'}
    phone.send("PATCH", path, reworded(kind, say("outdated")), status=412, headers=stale)
    word = phone.marks.word
    for malformed in (f'"{word}"', word, f'W/"{word}", "1"'):
        problem = phone.client.patch(path, json=reworded(kind, say("tag")), headers={"If-Match": malformed})
        assert problem.status_code in {400, 412}
    history = phone.send("GET", f"{path}/history", status=200)
    assert len(history["items"]) >= 2
    assert kind.text is None or word in str(history["items"])
    phone.send("GET", f"{path}/history", status=400, params={"cursor": word})
    assert kind.text is None or word in phone.send("GET", path, status=200)[kind.text]
    phone.send("GET", kind.path, status=200)
    _push(tablet, kind, record, draft)
    _attack(phone, kind.path, kind.text or "instrument")
    if kind.text is not None:
        phone.send("POST", kind.path, draft | {"id": str(new_id()), kind.text: say("crash")}, status=500)
    removed = phone.send("POST", kind.path, draft | {"id": str(new_id())}, status=201)
    phone.send("DELETE", f"{kind.path}/{removed['id']}", status=204, headers=ANY)


def _push(device: Device, kind: Resource, record: Json, draft: Json) -> None:
    """Push operations that are applied, conflict, are rejected and are repeated."""
    say = device.marks.sentence
    text = kind.text or "instrument"

    def said(door: str) -> Json:
        return reworded(kind, say(door))

    op: Json = {"op": "upsert", "collection": kind.collection, "id": record["id"], "op_id": str(new_id())}
    new = {name: value for name, value in draft.items() if name != "id"} | said("push")
    ops = [
        op | {"set": said("conflict"), "base": record["version"]},
        op | {"set": said("mine"), "base": record["version"], "on_conflict": "mine"},
        op | {"set": said("was"), "was": said("was before")},
        op | {"set": said("rejected") | {"visibility": say("choice")}, "base": record["version"]},
        op | {"set": new, "id": str(new_id())},
        op | {"set": {text: 5, say("name"): 1}, "base": record["version"]},
    ]
    for each in ops:
        for _ in range(2):
            each |= {"op_id": str(new_id())}
            device.send("POST", "/v1/sync/push", {"ops": [each]}, status=200)
    device.send("POST", "/v1/sync/push", {"ops": [ops[0], ops[4] | {"id": str(new_id())}], "atomic": True}, status=409)


def _attack(device: Device, path: str, text: str) -> None:
    """Send what is refused."""
    word, say = device.marks.word, device.marks.sentence
    for malformed in (f'{{"{text}": "{word}'.encode(), word.encode("utf-16"), word.encode()):
        device.send("POST", path, malformed, status=400)
    for body in (
        f'{{"{text}": "{word}\\ud800"}}'.encode(),
        {text: [word]},
        {text: say("NUL \0")},
        {text: word * 5000},
        {word: say("unknown")},
        {text: say("choice"), "visibility": word},
        {"id": word},
        [word],
    ):
        device.send("POST", path, body, status=422)
    device.send("POST", path, word.encode() * 50_000, status=413)
    for query in ({"cursor": word}, {word: "1"}, {"limit": word}, {"session_id": word}):
        assert device.client.get(path, params=query).status_code in {400, 422}
    device.send("GET", f"{path}/{word}", status=404)
    device.send("GET", f"{path}?{word}=%FF", status=400)
    headers = {"X-Request-Id": f"{word} {word}", "User-Agent": word, "Referer": f"https://example.com/{word}"}
    device.send("GET", path, status=200, headers=headers | {"traceparent": word, "If-None-Match": word})
    device.send("GET", path, status=401, headers={"Authorization": f"Bearer {word}"})


def _read(device: Device) -> None:
    """Read all that was written: by a pull, as a stream and as an archive, to its end and interrupted."""
    word = device.marks.word
    assert word in str(device.send("GET", "/v1/sync/changes", status=200, params={"since": 0}))
    with device.client.stream("GET", "/v1/sync/events", headers={"Last-Event-ID": word}) as response:
        assert list(islice(response.iter_lines(), 1))
    archive = device.client.get("/v1/export")
    with ZipFile(BytesIO(archive.content)) as content:
        journal = [content.read(name) for name in content.namelist() if name.startswith("journal/")]
        assert any(word.encode() in each for each in journal)
    with device.client.stream("GET", "/v1/export") as response:
        assert next(response.iter_raw(10))
    for path in (*PAGES, "/livez", "/readyz", "/.well-known/jwks.json", "/v1/me", "/v1/sync"):
        device.send("GET", path, status=200)
        assert device.client.get(path, params={word: word}).status_code in {200, 422}
    device.send("GET", f"/problems/{word}", status=404)


def _import(device: Device) -> None:
    """Import archives that are not compressed: of records that are created, exist, conflict and are rejected, of Day One,
    damaged ones, and one whose upload ends early.
    """
    say, word = device.marks.sentence, device.marks.word
    records: dict[str, list[Json]] = {}
    for kind in RESOURCES:
        known = device.send("GET", kind.path, status=200)["items"][0]
        text = kind.text or "instrument"
        wrong = [{text: [word]}, {text: word * 6000}]
        new = [known | {"id": str(new_id())} | change for change in (reworded(kind, say("import")), *wrong)]
        records[kind.collection] = [known | reworded(kind, say("import of another text")), *new]
    files = files_of(records)
    entry = {"uuid": new_id().hex, "creationDate": "2024-02-29T22:30:00Z", "timeZone": word, "tags": [word]}
    entries = [entry | {"text": say("Day One")}, {"text": say("no id")}, {"uuid": word, "text": word}, word]
    archive, journals = zipped(files, ZIP_STORED), zipped({f"{word}.json": journal(*entries)}, ZIP_STORED)

    def send(content: bytes | Iterator[bytes], *, status: int, origin: str = "afterglow", **headers: str) -> Json:
        sent = {"Content-Type": MEDIA_TYPE} | headers
        response = device.client.post("/v1/import", params={"from": origin}, content=content, headers=sent)
        assert response.status_code == status, response.text
        found: Json = response.json()
        return found

    found = send(archive, status=200)
    assert (found["created"], len(found["conflicts"]), len(found["rejected"])) == (len(RESOURCES),) * 2 + (
        2 * len(RESOURCES),
    )
    assert send(archive, status=200)["unchanged"] == len(RESOURCES)
    assert send(journals, status=200, origin="day-one")["created"] == 1
    for damaged in (
        archive[:-9],
        archive.replace(word.encode(), word.upper().encode()),
        zipped(files | {f"{word}.txt": word.encode()}, ZIP_STORED),
        zipped(complete({records_path("reflections"): word.encode()}), ZIP_STORED),
        word.encode() * 100,
    ):
        send(damaged, status=400)
    for damaged in (journal(*entries)[:-20], word.encode(), b'{"entries": [], "%b": {}' % word.encode()):
        send(zipped({"Journal.json": damaged}, ZIP_STORED), status=400, origin="day-one")
    send(archive, status=422, origin=word)
    send(archive, status=415, **{"Content-Type": word})

    def interrupted() -> Iterator[bytes]:
        yield archive[:-1000]
        raise InterruptedError

    with suppress(InterruptedError):
        send(interrupted(), status=400)


def _subscribe(phone: Device) -> None:
    """Create calendar links, request their calendars, and delete them. Titles are sentences."""
    marks = phone.marks
    for titles in (False, True):
        draft = {"label": marks.sentence("label"), "titles": titles}
        link = phone.send("POST", "/v1/calendar-links", draft, status=201)
        secret = link["url"].rpartition("/")[2].removesuffix(".ics")
        marks.secret.append(secret)
        assert link["label"] == phone.send("GET", "/v1/calendar-links", status=200)["items"][0]["label"]
        for name, status in ((f"{secret}.ics", 200), (f"{secret[::-1]}.ics", 404), (secret, 404)):
            phone.send("GET", f"/v1/calendar/{name}", status=status)
        phone.send("GET", f"/v1/calendar/{secret}.ics", status=422, params={secret: secret})
    phone.send("DELETE", f"/v1/calendar-links/{link['id']}", status=204)
    phone.send("POST", "/v1/calendar-links", {"label": [marks.word], marks.word: marks.word}, status=422)


def _change_account(phone: Device) -> None:
    """Send names, passwords and e-mail addresses, right and wrong."""
    marks, send = phone.marks, phone.send
    send("PATCH", "/v1/me", {"display_name": marks.name}, status=200)
    send("PATCH", "/v1/me", {"timezone": marks.word, "locale": marks.word}, status=422)
    wrong = {"email": marks.email, "password": f"{marks.password}, wrong"}
    send("POST", "/v1/auth/login", wrong, status=401)
    for email in (marks.email, marks.another_email("new")):
        account = {"email": email, "password": marks.password, "display_name": marks.name}
        send("POST", "/v1/auth/register", account, status=202)
    send("POST", "/v1/auth/verify", {"email": marks.email, "code": "000000"}, status=401)
    send("POST", "/v1/auth/password/forgot", {"email": marks.email}, status=202)
    send("POST", "/v1/me/email", wrong, status=401)
    send("POST", "/v1/me/email", {"email": marks.another_email("next"), "password": marks.password}, status=202)
    send("POST", "/v1/me/email/confirm", {"code": marks.word[-10:]}, status=401)


def _try_what_is_new(phone: Device) -> None:
    """Call each operation that was not called yet with the word in all its texts, whether or not that is accepted."""
    later = ("/v1/auth/devices/", "/v1/auth/log", "/v1/auth/refresh", "/v1/auth/password")  # in `sign_in_anew`
    for path, operations in DOCUMENT.paths.items():
        for method, operation in operations.items():
            if (method.upper(), path) in phone.marks.called or path.startswith(later):
                continue
            content = operation.get("requestBody", {}).get("content", {})
            words = json.dumps({name: phone.marks.sentence(name) for name in ("password", "text", "body", "reason")})
            response = phone.client.request(
                method,
                re.sub(r"\{\w+\}", phone.marks.word, path),
                params={
                    each["name"]: phone.marks.word for each in operation.get("parameters", []) if each["in"] == "query"
                },
                headers=ANY | {"Content-Type": next(iter(content), "text/plain")},
                content=words,
            )
            assert response.status_code < 500, (method, path, response.status_code)


def sign_in_anew(url: str, marks: Marks, mailbox: Mailbox) -> None:
    """Use the codes in the e-mails that waited, change the password and the e-mail address, and end the devices."""
    with closing(Visitor(url, marks)) as visitor:
        new = marks.another_email("new")
        code = mailbox.code_to(new)  # six digits, which any file may contain
        visitor.keep(visitor.send("POST", "/v1/auth/verify", {"email": new, "code": code}, status=200))
        reset = {"email": marks.email, "code": _code(mailbox, marks.email), "new": f"{marks.password}, new"}
        marks.secret.append(reset["code"])
        visitor.send("POST", "/v1/auth/password/reset", reset, status=204)
        marks.password = reset["new"]
    with closing(Device(url, marks)) as phone, closing(Device(url, marks)) as tablet:
        send = phone.send
        passwords = {"current": marks.password, "new": f"{marks.password} again"}
        send("POST", "/v1/auth/password", passwords, status=204)
        marks.password = passwords["new"]
        other = marks.another_email("other")
        send("POST", "/v1/me/email", {"email": other, "password": marks.password}, status=202)
        code = mailbox.code_to(other)
        marks.secret.append(code)
        assert send("POST", "/v1/me/email/confirm", {"code": code}, status=200)["email"] == other
        marks.email = other
        tablet.send("GET", "/v1/me", status=401)
        phone.keep(send("POST", "/v1/auth/refresh", {"refresh_token": phone.tokens["refresh_token"]}, status=200))
    _end_devices(partial(Device, url, marks))


def _end_devices(sign_in: Callable[[], Device]) -> None:
    """End devices in every way."""
    for path in ("/v1/auth/logout", "/v1/auth/logout-all"):
        with closing(sign_in()) as device:
            devices = device.send("GET", "/v1/auth/devices", status=200)["items"]
            others = [each["id"] for each in devices if not each["current"]]
            for id in (*others, device.marks.word):
                device.send("DELETE", f"/v1/auth/devices/{id}", status=404 if id == device.marks.word else 204)
            device.send("POST", path, status=204)
            device.send("GET", "/v1/me", status=401)


def _code(mailbox: Mailbox, email: str) -> str:
    """Return the code in the e-mails to an e-mail address, of which the first may have none."""
    found = None
    while found is None:
        found = re.search(r"^Code: (\S+)$", mailbox.text_to(email), re.MULTILINE)
    return found[1]
