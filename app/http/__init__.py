"""HTTP as this API speaks it.

`Edge` bounds the bytes of a connection; `Front` gives every answer its headers and its log line; `Switch` finds the
route and turns problems into answers; `Route` reads what an endpoint's signature asks for; `Answer` is what goes out, whole, and `Stream` what goes on as long as somebody reads it.
"""

from app.http.answer import JSON, Answer, json_answer, problem_answer
from app.http.edge import Edge
from app.http.front import Front
from app.http.route import LIMIT, Route
from app.http.stream import Reader, Stream, TheReader
from app.http.switch import Switch

__all__ = [
    "JSON",
    "LIMIT",
    "Answer",
    "Edge",
    "Front",
    "Reader",
    "Route",
    "Stream",
    "Switch",
    "TheReader",
    "json_answer",
    "problem_answer",
]
