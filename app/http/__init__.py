"""HTTP as this API speaks it.

`Edge` bounds the bytes of a connection, and `Lingering` hears out who is refused while it still sends; `Front` gives
every answer its headers and its log line; `Switch` finds the route; `Route` reads what an endpoint's signature asks
for, and answers; `Answer` is what goes out, whole, and `Stream` what goes on as long as somebody reads it. `Places`
says how much of all that happens at once; who waits for news says `with places.waiting():`.
"""

from app.http.answer import HTTPS_ONLY, JSON, Answer, json_answer, problem_answer
from app.http.cors import Cors
from app.http.draining import draining
from app.http.edge import Edge
from app.http.front import Front
from app.http.places import Places
from app.http.reading import header_values
from app.http.route import LIMIT, UNCERTAIN, Route
from app.http.stream import Reader, Stream, TheReader
from app.http.switch import Switch

__all__ = [
    "HTTPS_ONLY",
    "JSON",
    "LIMIT",
    "UNCERTAIN",
    "Answer",
    "Cors",
    "Edge",
    "Front",
    "Places",
    "Reader",
    "Route",
    "Stream",
    "Switch",
    "TheReader",
    "draining",
    "header_values",
    "json_answer",
    "problem_answer",
]
