"""Random mutations of valid requests: of their bytes, headers, URL or JSON."""

import copy
import json
import random
from collections.abc import Callable
from typing import Any, NamedTuple

from tests.hostile.operations import Json, Operation
from tests.hostile.raw import Header, request_bytes
from tests.hostile.values import CASES, DIFFICULT_TEXT, IDS, MOMENTS

DIFFICULT = (
    *dict.fromkeys(value.replace('{"wisteria', '{"lichen') for values in CASES.values() for value in values),
    *(
        json.dumps(each)
        for each in (*IDS, *MOMENTS, DIFFICULT_TEXT, "w" * 201, "w" * 20_001, "", "understood", "completed")
    ),
    *(
        "null",
        "0",
        "-1",
        "11",
        "1e308",
        "-0",
        '"\\ud83c\\udf3f"',
        '"\\/"',
        "[]",
        "{}",
        '{"$ref": "#"}',
        '{"__proto__": 1}',
    ),
)
DIFFICULT_HEADERS: tuple[Header, ...] = (
    ("If-Match", '"1"'),
    ("If-Match", 'W/"1", "2"'),
    ("If-None-Match", "*"),
    ("Content-Length", "0"),
    ("Content-Length", "00"),
    ("Transfer-Encoding", "chunked"),
    ("Transfer-Encoding", "identity"),
    ("Content-Encoding", "gzip"),
    ("Content-Type", "text/plain"),
    ("Expect", "100-continue"),
    ("Upgrade", "h2c"),
    ("Connection", "close, upgrade"),
    ("Host", "elsewhere"),
    ("Range", "bytes=0-0"),
    ("X-Request-Id", "\u00ff" * 64),
    ("X-Http-Method-Override", "DELETE"),
    ("X-Forwarded-For", "::1, \u00b2"),
    ("Cookie", "a=" + "b" * 5000),
    ("Accept", "*/*;q=" + "9" * 500),
)
_HERE = "\ufffcHERE"


class ValidRequest(NamedTuple):
    """The parts of a valid request."""

    operation: Operation
    target: str
    headers: list[Header]
    body: Json | None
    content: bytes | None
    """The bytes of the body."""


class Mutant(NamedTuple):
    """A mutated request, and the valid one that it was made from."""

    right: ValidRequest
    how: str
    content: bytes
    body: bytes

    @property
    def is_complete(self) -> bool:
        """Return whether the request is complete, so that the server answers; a body that it never reads may be missing."""
        head, ends, body = self.content.partition(b"\r\n\r\n")
        lengths = [line.partition(b":")[2].strip() for line in head.lower().split(b"\r\n") if b"content-length" in line]
        has_body = all(length.isdigit() and int(length) <= len(body) for length in lengths)
        return bool(ends) and (has_body or self.right.content is None)


def mutate(right: ValidRequest, chance: random.Random) -> Mutant:
    """Return the request with one to three mutations of one kind."""
    ways: list[Callable[[ValidRequest, random.Random], bytes]] = [of_bytes, of_headers, of_url]
    ways += [of_json] * 5 if right.body is not None else []
    way = chance.choice(ways)
    content = way(right, chance)
    return Mutant(right, way.__name__, content, content.partition(b"\r\n\r\n")[2])


def to_bytes(right: ValidRequest, body: bytes | None = None) -> bytes:
    """Return the bytes of a request."""
    return request_bytes(right.operation.method, right.target, right.headers, right.content if body is None else body)


def of_bytes(right: ValidRequest, chance: random.Random) -> bytes:
    """Flip, remove, repeat or insert bytes, or truncate the request."""
    content = bytearray(to_bytes(right))
    for _ in range(chance.randint(1, 3)):
        at, long = chance.randrange(len(content)), chance.choice((1, 1, 1, 2, 8, 60))
        way = chance.randrange(6)
        if way == 0:
            content[at] ^= 1 << chance.randrange(8)
        elif way == 1:
            del content[at : at + long]
        elif way == 2:
            content[at:at] = content[at : at + long]
        elif way == 3:
            content[at:at] = chance.randbytes(long)
        elif way == 4:
            content[at : at + 1] = chance.choice((b"\0", b"\r\n", b"\n", b" ", b"\xff", b"%", b'"', b"\xc0\x80", b"\t"))
        elif chance.random() < 0.3:
            del content[at + 1 :]
        content = content or bytearray(b"\n")
    return bytes(content)


def of_headers(right: ValidRequest, chance: random.Random) -> bytes:
    """Remove, repeat, swap, change or add headers."""
    headers = list(right.headers)
    for _ in range(chance.randint(1, 3)):
        way, at = chance.randrange(5), chance.randrange(len(headers) or 1)
        if way == 0 or not headers:
            headers.insert(at, chance.choice(DIFFICULT_HEADERS))
            continue
        name, value = headers[at]
        if way == 1:
            del headers[at]
        elif way == 2:
            headers.append((chance.choice((name, name.upper())), value))
        elif way == 3:
            headers[at] = (name, chance.choice(headers)[1])
        else:
            place = chance.randrange(len(value) or 1)
            headers[at] = (
                name,
                value[:place] + chance.choice(("", " ", ",", '"', "\u00e9", "A", "*")) + value[place + 1 :],
            )
    return to_bytes(right._replace(headers=headers))


def of_url(right: ValidRequest, chance: random.Random) -> bytes:
    """Change the path, or add a query."""
    target, names = right.target, [*right.operation.parameters, "lichen"]
    if chance.random() < 0.5:
        values = [each.strip('"') for each in chance.sample(DIFFICULT, 2) if each.isascii() and len(each) < 500]
        values += ["5", "true", "%FF", "%00", "%", "a&b", ""]
        query = (
            f"{chance.choice(names)}={chance.choice(values)}".replace(" ", "+") for _ in range(chance.randint(1, 3))
        )
        return to_bytes(right._replace(target=f"{target}?{'&'.join(query)}"))
    at = chance.randrange(len(target))
    changed = chance.choice(("", "/", "%2f", "..", "A", "-", "?", "#", "%00", "\u00e9", ";", target[at] * 2))
    return to_bytes(right._replace(target=target[:at] + changed + target[at + 1 :]))


def of_json(right: ValidRequest, chance: random.Random) -> bytes:
    """Change values, names and nesting of the JSON; the request itself stays valid."""
    body, texts = copy.deepcopy(right.body), []
    for n in range(chance.randint(1, 3)):
        containers = _containers(body)
        container = chance.choice(containers)
        keys: list[Any] = [*container] if isinstance(container, dict) else [*range(len(container))]
        if not keys:
            continue
        key, here = chance.choice(keys), f"{_HERE}{n}"
        way = chance.randrange(7)
        if way == 0 and isinstance(container, dict):
            container[chance.choice((key.upper(), key[:-1], "lichen", "owner_id", "version", "id", ""))] = (
                container.pop(key)
            )
        elif way == 1:
            del container[key]
        elif way == 2:
            container[key] = chance.choice(([container[key]], {"lichen": container[key]}, str(container[key]), None))
        elif way == 3:
            container[key] = copy.deepcopy(chance.choice([each for some in containers for each in _values(some)]))
        elif way == 4:
            deep = chance.choice((2, 30, 31, 32, 33, 1000))
            texts.append((here, chance.choice(("[" * deep + "]" * deep, '{"a":' * deep + "1" + "}" * deep))))
            container[key] = here
        elif way == 5 and isinstance(container, dict):
            texts.append((here, f'1, "{key}": 2'))
            container[key] = here
        else:
            texts.append((here, chance.choice(DIFFICULT)))
            container[key] = here
    text = json.dumps(body, ensure_ascii=chance.random() < 0.5)
    for here, value in texts:
        text = text.replace(json.dumps(here), value).replace(json.dumps(here, ensure_ascii=False), value)
    return to_bytes(right, text.encode("utf-8", "surrogatepass"))


def _containers(node: Any) -> list[Any]:
    """Return every object and list of a value."""
    inner = [each for value in _values(node) for each in _containers(value)]
    return [node, *inner] if isinstance(node, dict | list) else inner


def _values(node: Any) -> list[Any]:
    return [*node.values()] if isinstance(node, dict) else node if isinstance(node, list) else []
