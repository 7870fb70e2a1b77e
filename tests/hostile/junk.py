"""What nobody should send: values, texts, events, expressions, headers and files, drawn at random."""

from __future__ import annotations

import gzip
import json
import random
from typing import Any

STRINGS = (
    "",
    " ",
    "a\x00b",
    "\ud800",
    "\u202e",
    "'; DROP TABLE andon.runs; --",
    "../../etc/passwd",
    "%00",
    "{{7*7}}",
    "\r\nX: y",
    "é" * 300,
    "x" * 9_000,
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-14:00",
    "2026-02-30",
    "NaN",
    "-0",
    "1e400",
    "andon/run.cancelled",
    "walk/requested",
    "default",
    "beta",
    "00000000-0000-0000-0000-000000000000",
    "null",
    "[]",
)
NUMBERS = (0, -1, 1, 2**31, 2**53 + 1, 2**63, -(2**63) - 1, 10**400, 0.1, -0.0, 1e308, 5e-324)
NAMES = (
    "walk/requested",
    "walk/cancelled",
    "tally/requested",
    "tally/cancelled",
    "report/generation.requested",
    "report/generation.cancelled",
    "andon/run.cancelled",
    "andon/runs.cancelled",
    "andon/function.completed",
    "andon/function.failed",
    "andon/nothing",
    "nobody/asked",
    "no-slash",
    "/",
    "a//b",
    "UPPER/CASE",
    "a/" + "b" * 500,
)
PIECES = (
    "event.data.case",
    "async.data.case",
    "event.data",
    "1/0",
    "1 % 0",
    "[1,2,3]",
    "'a' * 3",
    "event.data.x.y.z",
    "null",
    "size(event.data.list)",
    "event.data.list.all(x, x > 0)",
    "event.data.list.map(x, x * x)",
    "[[1]] + [[2]]",
    "event.data.list.exists(x, event.data.list.exists(y, x == y))",
    "'x'.matches('(a+)+$')",
    "'%s'.matches('[')",
    "{'a': 1}",
    "9223372036854775807 + 1",
    "timestamp('0001-01-01T00:00:00Z')",
    "duration('1h')",
    "unknown(1)",
    "has(event.data.q)",
    "true ? 1 : 'a'",
    "// a comment\n1",
    "-(-(-(-1)))",
    "'\\u0000'",
    "b'\\xff'",
    "dyn(1) == '1'",
    "[0].filter(x, 1/x == 1)",
)

HEADERS = [
    "Accept",
    "Accept-Language",
    "Content-Type",
    "Cookie",
    "If-Match",
    "If-None-Match",
    "Idempotency-Key",
    "Last-Event-ID",
    "Origin",
    "Prefer",
    "Range",
    "Referer",
    "HX-Current-URL",
    "HX-Request",
    "Host",
    "X-Forwarded-For",
    "traceparent",
    "tracestate",
    "ce-id",
    "ce-time",
]


def value(rng: random.Random, depth: int = 3) -> Any:
    """Some JSON, as deep as that at most."""
    kind = rng.randrange(8 if depth else 5)
    if kind < 2:
        return rng.choice(STRINGS)
    if kind < 4:
        return rng.choice(NUMBERS)
    if kind == 4:
        return rng.choice([None, True, False])
    if kind == 5:
        return [value(rng, depth - 1) for _ in range(rng.randrange(5))]
    return {rng.choice([*STRINGS, "case", "reportId", "runId"]): value(rng, depth - 1) for _ in range(rng.randrange(5))}


def data(rng: random.Random) -> Any:
    """An event's data: any JSON, or an object like that of an honest one with one field that is not."""
    if rng.random() < 0.3:
        return value(rng)
    honest: dict[str, Any] = {"case": f"junk-{rng.randrange(50)}", "steps": rng.randint(0, 3), "list": [1, 2, 3]}
    wrong = rng.choice(
        ["steps", "nap", "plan", "reportId", "runId", "functionId", "if", "startedBefore", "reason", "x"]
    )
    return {**honest, wrong: value(rng)}


def text(rng: random.Random) -> str:
    """Data as text: mostly JSON of it, at times none."""
    choice = rng.randrange(12)
    if choice == 0:
        return "[" * rng.choice([99, 980, 20_000]) + rng.choice(["", "]" * 99])
    if choice == 1:
        return '{"case": ' + rng.choice(["NaN", "Infinity", "1" * 5_000, "tru", '"\\ud800"', "1e999", "'x'"]) + "}"
    if choice == 2:
        return json.dumps({"case": "large", "list": list(range(rng.choice([1_000, 38_000])))})
    if choice == 3:
        return json.dumps({"case": "large", "text": "x" * rng.choice([200_000, 300_000])})
    return json.dumps(data(rng))


def entry(rng: random.Random) -> dict[Any, Any]:
    """A stream entry's fields."""
    fields: dict[Any, Any] = {"name": rng.choice(NAMES), "data": text(rng), "tenant": "acme"}
    for field in ("id", "ts", "user", "traceparent", "v", "name", "data"):
        chance = rng.random()
        if chance < 0.12:
            fields[field] = rng.choice([*STRINGS, b"\xff\xfe", json.dumps(value(rng)), "1" * 300])
        elif chance < 0.15:
            fields.pop(field, None)
    if rng.random() < 0.03:
        fields |= {f"field-{number}": "" for number in range(rng.choice([900, 1_000, 70_000, 500_000]))}
    safe = {
        key: each.encode("utf-8", "surrogatepass") if isinstance(each, str) else each for key, each in fields.items()
    }
    return safe or {"nothing": b""}


def expression(rng: random.Random, depth: int = 3) -> str:
    """Something like CEL."""
    if not depth or rng.random() < 0.3:
        return rng.choice(PIECES)
    operator = rng.choice(["==", "&&", "||", "+", "/", "<", "in", ".", "? 1 :", "!", "["])
    made = f"({expression(rng, depth - 1)}) {operator} ({expression(rng, depth - 1)})"
    return made * rng.choice([1, 1, 1, 1, 40])


def header(rng: random.Random) -> tuple[bytes, bytes]:
    """A header that a client may send, with what it should not hold."""
    name = rng.choice(HEADERS)
    held = rng.choice(
        [
            b"",
            b"*",
            b'"',
            b"\xff\xfe",
            b"bytes=9-1,-0,a-b",
            b"wait=99999999",
            b"wait=-1",
            b"wait=nan",
            b"http://[::1",
            b"http://\xc3\xa9:99999/",
            b"x" * 7_000,
            b"a=b; " * 300,
            b"00-" + b"0" * 32 + b"-" + b"0" * 16 + b"-00",
            b",,,",
            b"application/json; charset=utf-7",
            b"multipart/form-data",
            b"text/event-stream;q=bad",
            b'W/"1", "',
            b"../../",
        ]
    )
    return name.encode(), held


def file(rng: random.Random) -> tuple[str, bytes]:
    """A file that calls itself a dataset."""
    rows = rng.choice([0, 1, 200])
    made: tuple[str, bytes] = rng.choice(
        [
            ("a.csv", b"day,amount\n" + b"2026-01-01,1\n" * rows),
            ("b.csv", b",".join(b"c%d" % n for n in range(20_000)) + b"\n"),
            ("c.csv", b'"never closed\n' * 100 + rng.randbytes(50)),
            ("d.csv", b"x" * 2_000_000),
            ("e.jsonl", b"".join(b'{"k%d": %d}\n' % (n, n) for n in range(3_000))),
            ("f.jsonl", b'{"a": ' + b"[" * 50_000 + b"\n"),
            ("g.parquet", b"PAR1" + rng.randbytes(400) + b"PAR1"),
            ("h.csv.gz", gzip.compress(b"a,b\n" + b"0,0\n" * 2_000_000, 9)),
            ("i.csv.gz", b"\x1f\x8b" + rng.randbytes(200)),
            ("j.json", json.dumps(value(rng, 4)).encode()),
            ("k\x00.csv" if rng.random() < 0.5 else "l" * 400 + ".csv", b"a\n1\n"),
            ("m.exe", rng.randbytes(1_000)),
        ]
    )
    return made
