"""Plain HTTP for tests: sends what it is told, byte for byte, and returns what came back.

Answers of our operations are held to their schemas on the way.
"""

import http.client
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from tests.answer_check import check_answer

TIMEOUT_S = 60


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    def json(self):
        return json.loads(self.body)

    @property
    def text(self) -> str:
        return self.body.decode()


class HttpClient:
    """One server; every request on a connection of its own."""

    def __init__(self, url: str, timeout_s: float = TIMEOUT_S) -> None:
        self.url = url
        self.timeout_s = timeout_s
        self.address = urlsplit(url).netloc

    def request(
        self,
        method: str,
        path: str,
        *,
        json_body: object = None,
        ndjson: Iterable[object] | None = None,
        body: bytes | str | None = None,
        query: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """`path` goes out as it is written; `query` is encoded and appended."""
        sent = dict(headers or {})
        if json_body is not None:
            body = json.dumps(json_body)
        elif ndjson is not None:
            body = "".join(json.dumps(row) + "\n" for row in ndjson)
        if body is not None:
            kind = "application/json" if ndjson is None else "application/x-ndjson"
            sent = {"content-type": kind, **{name.lower(): value for name, value in sent.items()}}
        target = f"{path}?{urlencode(query)}" if query else path
        connection = http.client.HTTPConnection(self.address, timeout=self.timeout_s)
        try:
            connection.request(method, target, body=body.encode() if isinstance(body, str) else body, headers=sent)
            response = connection.getresponse()
            answer = Answer(response.status, response.headers, response.read())
        finally:
            connection.close()
        check_answer(method, target, answer.status, answer.headers, answer.body)
        return answer

    def get(self, path: str, **options) -> Answer:
        return self.request("GET", path, **options)

    def put(self, path: str, **options) -> Answer:
        return self.request("PUT", path, **options)

    def post(self, path: str, **options) -> Answer:
        return self.request("POST", path, **options)

    def delete(self, path: str, **options) -> Answer:
        return self.request("DELETE", path, **options)
