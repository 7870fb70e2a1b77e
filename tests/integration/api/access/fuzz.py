"""Requests that nobody means well: every route, method, header, parameter and form, with what breaks programs."""

from __future__ import annotations

import io
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from flask import Flask
from werkzeug.datastructures import FileStorage, MultiDict
from werkzeug.routing import Rule

TEXTS = [
    "", " ", "a", "0", "-1", "1", "true", "no", "null", "*", "\x00", "a\x00b", "é", "日本", "\U0001f6d1", "\u202e",
    "\ud800", "a" * 300, "a" * 5000, "9" * 30, "9" * 5000, "1e999", "NaN", "-Infinity", "1_000", "٣", "' OR 1=1 --",
    "%", "%00", "..", "../../etc/passwd", "/", "//", "\\", "http://[", "http://[::1", "//[x]/", "[", "]", "{",
    "{{7*7}}", "<script>", "${x}", "2026-01-01", "2026-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-14:00", "1/0 == 1", "\n", "\t", "report/generation.requested", "andon/run.cancelled",
    "andon/runs.cancelled", "generating", "completed", "W/", '""', "00000000-0000-0000-0000-000000000000",
    "{00000000-0000-0000-0000-000000000000}", "generate-hybrid-report",
]  # fmt: skip
VALUES: list[Any] = [
    None, True, False, 0, 1, -1, 10**18, 10**25, 10**400, 1.5, -0.0, 1e308, [], {}, [[]], [None], {"a": None},
    {"": ""}, {"\x00": 1}, {"reportId": "x"}, [1] * 500, {"a": {"b": {"c": [1, 2]}}},
    {str(n): n for n in range(200)},
]  # fmt: skip
RAW_BODIES = [
    b"", b"{", b"[]", b"null", b"0", b'"x"', b"[" * 5000, b"[" * 5000 + b"]" * 5000, b'{"a":' * 5000, b"1" * 5000,
    b'{"title": 1e999}', b'{"title": NaN}', b'{"a": "\\ud800"}', b'{"a": "\\u0000"}', b"\xff\xfe", b"\x80",
    b"\xef\xbb\xbf{}", b'{"dryRun": 0, "functionId": "x"}', b'{"a":1}{"b":2}', b"a=b&c=%zz", b"--b\r\n\r\n--b--",
    b"{}" + b" " * 70_000, b"[" + b"1," * 1001 + b"1]", '{"title": "é"}'.encode("utf-16"),
]  # fmt: skip
FIELDS = [
    "title", "datasetId", "options", "reason", "runId", "functionId", "startedAfter", "startedBefore", "if",
    "dryRun", "name", "data", "id", "ts", "user", "v", "specversion", "source", "type", "time", "subject",
    "data_base64", "unknown", "",
]  # fmt: skip
OPTIONS = [
    "sections",
    "resamples",
    "confidence",
    "measures",
    "groupBy",
    "timeColumn",
    "maxColumns",
    "seed",
    "columns",
    "x",
]
PARAMETERS = [
    "limit", "cursor", "status", "functionId", "eventId", "reportId", "queuedAfter", "queuedBefore", "name",
    "inline", "next", "function", "event", "after", "before", "x", "token",
]  # fmt: skip
FORM = [
    "key", "next", "csrf_token", "title", "dataset_id", "file", "sections", "resamples", "generate", "reason",
    "functionId", "if", "startedAfter", "startedBefore", "name", "data", "id",
]  # fmt: skip
HEADERS = [
    "Accept", "Authorization", "Content-Encoding", "Content-Length", "Content-Type", "Cookie", "Expect",
    "Forwarded", "Host", "HX-Current-URL", "HX-Request", "HX-Target", "Idempotency-Key", "If-Match",
    "If-Modified-Since", "If-None-Match", "If-Range", "If-Unmodified-Since", "Last-Event-ID", "Origin", "Prefer",
    "Range", "Referer", "Sec-Fetch-Site", "Transfer-Encoding", "X-CSRF-Token", "X-Forwarded-For",
    "X-Forwarded-Host", "X-Inngest-Event-Id-Seed", "traceparent", "ce-specversion", "ce-id", "ce-source", "ce-type",
    "ce-time",
]  # fmt: skip
HEADER_VALUES = [
    '""', 'W/""', '"', '"a", "b"', "*", "* , *", "bytes=0-0", "bytes=-1", "bytes=5-1", "bytes=0-,0-", "bytes=a-b",
    "wait=-1", "wait=0", "wait=99999999999", 'wait="1"', "Bearer", "Bearer  x", "Basic Zm9vOmJhcg==",
    "andon_session=é", "andon_session=a.b.c.d", "andon_session=" + "x" * 5000, "application/json; charset=utf-99",
    "multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=b",
    "application/x-www-form-urlencoded", "application/cloudevents+json", "text/plain",
    "application/cloudevents-batch+json", "Thu, 01 Jan 1970 00:00:00 GMT", "Thu, 99 Jan 99999 99:99:99 GMT",
    "http://[::1", "http://localhost", "same-origin", "cross-site", "gzip", "1.0", "chunked", "localhost:99999999",
    "a" * 9000, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
]  # fmt: skip
GOOD_BODIES: dict[str, Any] = {
    "reports.create": {"title": "t", "options": {"resamples": 10, "confidence": 0.9, "sections": ["trends"]}},
    "reports.change": {"title": "t", "datasetId": None, "options": {"measures": ["amount"], "timeColumn": "day"}},
    "reports.cancel": {"reason": "r", "runId": "00000000-0000-7000-8000-000000000000"},
    "runs.cancel": {"reason": "r"},
    "cancellations.start": {
        "functionId": "generate-hybrid-report", "startedAfter": "2026-01-01T00:00:00Z", "if": "event.data.x == 1",
        "reason": "r", "dryRun": True,
    },
    "events.send": {"name": "a/b", "data": {"x": 1}, "id": "e", "ts": "2026-01-01T00:00:00Z", "user": {"id": "u"}},
    "inngest.send": [{"name": "a/b", "data": {"x": 1}, "ts": 0, "v": None}],
}  # fmt: skip
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"]


@dataclass(frozen=True)
class Request:
    """One request, as `FlaskClient.open` takes it; it prints as what makes it again."""

    path: str
    method: str
    headers: list[tuple[str, str]]
    query: list[tuple[str, str]] = field(default_factory=list)
    data: Any = None

    def options(self) -> dict[str, Any]:
        """The arguments of `open`."""
        query = "&".join(f"{quote(name)}={quote(value, errors='replace')}" for name, value in self.query)
        return {"method": self.method, "headers": self.headers, "query_string": query, "data": self.data}


class Fuzzer:
    """Makes requests to the routes of `app`; `known` are ids that exist there, `secret` a key that is in force."""

    def __init__(self, app: Flask, seed: int, *, known: list[str], secret: str) -> None:
        self._random = random.Random(seed)
        self._rules = [rule for rule in app.url_map.iter_rules() if rule.endpoint != "console.static"]
        self._known = known
        self._secret = secret

    def requests(self, count: int) -> Iterator[Request]:
        """So many requests; each route has its turn before one has another."""
        for number in range(count):
            yield self._request(self._rules[number % len(self._rules)])

    def _request(self, rule: Rule) -> Request:
        choose = self._random
        own = sorted(rule.methods or {"GET"})
        method = choose.choice(own) if choose.random() < 0.9 else choose.choice(METHODS)
        headers = [] if choose.random() < 0.05 else [("Authorization", f"Bearer {self._secret}")]
        data, content_type = self._body(method, rule.endpoint)
        if content_type:
            headers.append(("Content-Type", content_type))
        headers += [(choose.choice(HEADERS), self._header()) for _ in range(choose.choice([0, 0, 1, 1, 2, 4]))]
        query = [(choose.choice(PARAMETERS), self._text()) for _ in range(choose.choice([0, 0, 1, 2, 3]))]
        return Request(self._path(rule), method, headers, query, data)

    def _path(self, rule: Rule) -> str:
        parts = []
        for is_dynamic, data in rule._trace:
            if is_dynamic:
                known = self._random.random() < 0.7
                value = self._random.choice(self._known) if known else self._text() or "x"
                parts.append(quote(value, safe="", errors="replace"))
            else:
                parts.append(data)
        return "".join(parts).partition("|")[2] or "/"

    def _body(self, method: str, endpoint: str) -> tuple[Any, str | None]:
        choose = self._random
        kind = choose.choice(["none", "json", "json", "json", "event", "raw", "form", "multipart"])
        if method == "POST" and endpoint in GOOD_BODIES and choose.random() < 0.7:
            spoilt = self._spoilt(GOOD_BODIES[endpoint])
            return json.dumps(spoilt).encode("utf-8", "surrogatepass"), "application/json"
        if kind == "none" or (method in {"GET", "HEAD"} and choose.random() < 0.9):
            return None, None
        if kind == "json":
            return json.dumps(self._object()).encode("utf-8", "surrogatepass"), "application/json"
        if kind == "event":
            event = {"name": choose.choice(["a/b", "report/generation.requested", self._text()]), **self._fields()}
            many = choose.random() < 0.3
            body = json.dumps([event, self._object()] if many else event)
            return body.encode("utf-8", "surrogatepass"), choose.choice(
                ["application/json", "application/cloudevents+json"]
            )
        if kind == "raw":
            return choose.choice(RAW_BODIES), choose.choice(["application/json", *HEADER_VALUES[21:28]])
        form: MultiDict[str, Any] = MultiDict(
            [(choose.choice(FORM), _plain(self._text())) for _ in range(choose.randint(0, 6))]
        )
        if kind == "form":
            return form, "application/x-www-form-urlencoded"
        content = choose.choice(
            [b"", b"a,b\n1,2\n", b"a\n", b"\x00", b"PAR1PAR1", b'{"a":1}\n', b"\x1f\x8b\x08", b"[" * 9000]
        )
        name = choose.choice(
            ["a.csv", "a.jsonl", "a.parquet", "a.csv.gz", "a", "", "a\x00.csv", "é.csv", "../a.csv", "a.tsv"]
        )
        form.add(choose.choice(["file", "file", "x"]), FileStorage(io.BytesIO(content), filename=name))
        return form, "multipart/form-data"

    def _object(self) -> Any:
        return self._random.choice(VALUES) if self._random.random() < 0.05 else self._fields()

    def _fields(self) -> dict[str, Any]:
        return {self._random.choice(FIELDS): self._value() for _ in range(self._random.randint(0, 5))}

    def _value(self) -> Any:
        kind = self._random.random()
        if kind < 0.3:
            return self._text()
        if kind < 0.5:
            return self._random.choice(self._known)
        if kind < 0.7:
            return {self._random.choice(OPTIONS): self._random.choice([*VALUES, *TEXTS]) for _ in range(2)}
        return self._random.choice(VALUES)

    def _spoilt(self, good: Any) -> Any:
        """A good body with one value in it, however deep, that isn't."""
        if isinstance(good, dict) and good and self._random.random() < 0.9:
            name = self._random.choice(sorted(good))
            return {**good, name: self._spoilt(good[name])}
        if isinstance(good, list) and good and self._random.random() < 0.9:
            return [self._spoilt(each) for each in good]
        return self._random.choice([good, self._random.choice(VALUES), self._text()])

    def _text(self) -> str:
        return self._random.choice(TEXTS if self._random.random() < 0.8 else self._known)

    def _header(self) -> str:
        given = self._random.choice([*HEADER_VALUES, *HEADER_VALUES, *(text for text in TEXTS if "\n" not in text)])
        return given.encode("utf-8", "replace").decode("latin-1")


def _plain(text: str) -> str:
    return text.encode("utf-8", "replace").decode()
