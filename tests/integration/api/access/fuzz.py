"""Requests that nobody means well: every route, method, header, parameter and form, with what breaks programs."""

from __future__ import annotations

import io
import json
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from flask import Flask
from werkzeug.datastructures import FileStorage, MultiDict
from werkzeug.routing import Rule

from tests.contract.openapi import current

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
FIELDS = ["v", "specversion", "source", "type", "data_base64", "unknown", ""]  # beside those of the document
FORMATS = {
    "date-time": "2026-01-01T00:00:00Z",
    "uri": "https://example.com/hook",
    "uuid": "00000000-0000-7000-8000-000000000000",
}
MEANT: dict[str, list[Any]] = {  # what the document says in words alone
    "url": ["https://198.51.100.7/hook"],
    "data": [{"x": 1}, {}],
    "name": ["a/b", "report/generation.requested"],
    "things": [["run:00000000-0000-7000-8000-000000000000"], ["tag:a"]],
    "runs": [30, None],
    "artifacts": [30, None],
    "orphans": [30, None],
}
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
GOOD_BODIES: dict[str, Any] = {"inngest.send": [{"name": "a/b", "data": {"x": 1}, "ts": 0, "v": None}]}
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


class Documented:
    """What the API's document tells: the names of fields and parameters, and bodies as they are meant."""

    def __init__(self) -> None:
        self._document = current()
        self._bodies = {
            (path, method.upper()): body["schema"]
            for path, item in self._document["paths"].items()
            for method, operation in item.items()
            if "requestBody" in operation
            for content_type, body in operation["requestBody"]["content"].items()
            if content_type == "application/json"
        }
        fields: set[str] = set()
        for schema in (*self._bodies.values(), *self._document["components"]["schemas"].values()):
            fields |= set(_names(schema))
        self.fields = sorted(fields)
        said = [each for path in self._document["paths"].values() for each in _parameters(path)]
        said = [self._resolved(each) for each in said]
        self.parameters = sorted({each["name"] for each in said if each["in"] == "query"})
        self.headers = sorted({each["name"] for each in said if each["in"] == "header"})

    def body(self, rule: Rule, method: str, rng: random.Random) -> Any:
        """One that is meant for this route, or None if it takes none."""
        schema = self._bodies.get((re.sub(r"<(?:[^:<>]+:)?(\w+)>", r"{\1}", rule.rule), method))
        return None if schema is None else self._made(schema, rng)

    def _made(self, schema: Any, rng: random.Random) -> Any:
        schema = self._resolved(schema)
        for several in ("oneOf", "anyOf", "enum", "examples"):
            if several in schema:
                chosen = rng.choice(schema[several])
                return self._made(chosen, rng) if several.endswith("Of") else chosen
        for one in ("const", "example", "default"):
            if one in schema:
                return schema[one]
        kind = schema.get("type")
        kind = rng.choice(kind) if isinstance(kind, list) else kind
        if kind == "object":
            own = {name: self._made(each, rng) for name, each in schema.get("properties", {}).items()}
            return {**own, **{name: rng.choice(MEANT[name]) for name in own if name in MEANT}}
        if kind == "array":
            return [self._made(schema.get("items", {}), rng)]
        if kind == "string":
            return FORMATS.get(schema.get("format", ""), "a/b")
        return {"integer": schema.get("minimum", 1), "number": 1.5, "boolean": True}.get(str(kind))

    def _resolved(self, schema: Any) -> Any:
        while "$ref" in schema:
            found: Any = self._document
            for part in schema["$ref"].split("/")[1:]:
                found = found[part]
            schema = found
        return schema


def _names(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        yield from schema["properties"] if isinstance(schema.get("properties"), dict) else ()
        for each in schema.values():
            yield from _names(each)
    elif isinstance(schema, list):
        for each in schema:
            yield from _names(each)


def _parameters(path: dict[str, Any]) -> Iterator[Any]:
    yield from path.get("parameters", ())
    for operation in path.values():
        if isinstance(operation, dict):
            yield from operation.get("parameters", ())


class Fuzzer:
    """Makes requests to the routes of `app`; `known` are ids that exist there, `secret` a key that is in force."""

    def __init__(self, app: Flask, seed: int, *, known: list[str], secret: str) -> None:
        self._random = random.Random(seed)
        self._rules = [rule for rule in app.url_map.iter_rules() if rule.endpoint != "console.static"]
        self._known = known
        self._secret = secret
        self._documented = Documented()
        self._fields_there = [*self._documented.fields, *FIELDS]
        self._parameters = [*self._documented.parameters, *PARAMETERS]
        self._headers = [*self._documented.headers, *HEADERS]

    def requests(self, count: int) -> Iterator[Request]:
        """So many requests; each route has its turn before one has another."""
        for number in range(count):
            yield self._request(self._rules[number % len(self._rules)])

    def _request(self, rule: Rule) -> Request:
        choose = self._random
        own = sorted(rule.methods or {"GET"})
        method = choose.choice(own) if choose.random() < 0.9 else choose.choice(METHODS)
        headers = [] if choose.random() < 0.05 else [("Authorization", f"Bearer {self._secret}")]
        data, content_type = self._body(method, rule)
        if content_type:
            headers.append(("Content-Type", content_type))
        headers += [(choose.choice(self._headers), self._header()) for _ in range(choose.choice([0, 0, 1, 1, 2, 4]))]
        query = [(choose.choice(self._parameters), self._text()) for _ in range(choose.choice([0, 0, 1, 2, 3]))]
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

    def _body(self, method: str, rule: Rule) -> tuple[Any, str | None]:
        choose = self._random
        kind = choose.choice(["none", "json", "json", "json", "event", "raw", "form", "multipart"])
        good = GOOD_BODIES.get(rule.endpoint) or self._documented.body(rule, method, choose)
        if good is not None and choose.random() < 0.7:
            spoilt = self._spoilt(good)
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
        return {self._random.choice(self._fields_there): self._value() for _ in range(self._random.randint(0, 5))}

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
