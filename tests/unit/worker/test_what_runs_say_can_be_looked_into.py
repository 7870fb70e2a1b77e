"""Lines as they are kept: whatever a record was given, Postgres can look into them."""

from __future__ import annotations

import json
import logging
import subprocess
import sys

import pytest

from andon.engine.ids import new_id
from andon.engine.memos import describe
from andon_worker.lane.capture import encode
from andon_worker.supervisor.output.lines import Line, RunOutput, read_line
from andon_worker.supervisor.output.logbook import Said, written
from andon_worker.wire import MARK


def kept(line: Line) -> str:
    [row] = written([Said(new_id(), "s", 1, {}, [line])])[0]
    return row.lines


@pytest.mark.parametrize("text", ["a\x00b", "\ud800", "\\u0000", "\\\x00"])
def test_nul_and_half_pairs_are_replaced_wherever_they_are(text: str) -> None:
    found = kept(Line(1.0, "log", "said", "info", "acme", {"x": text, text: [text]}))
    assert "\\u0000" not in found.replace("\\\\", "")
    assert json.loads(found)[0]["text"] == "said"
    assert "\x00" not in json.loads(found)[0]["fields"]["x"]


def test_the_extra_of_a_record_and_the_keys_of_structlog_are_its_fields() -> None:
    record = logging.makeLogRecord({"msg": "rows", "levelname": "INFO", "name": "acme", "rows": 3})
    assert read_line("stderr", MARK + encode(record).encode()).fields == {"rows": 3}
    record = logging.makeLogRecord({"msg": {"event": "rows", "rows": 3}, "levelname": "INFO", "name": "acme"})
    line = read_line("stderr", MARK + encode(record).encode())
    assert (line.text, line.level, line.fields) == ("rows", "info", {"rows": 3})


def test_numbers_that_json_does_not_have_are_kept_as_words() -> None:
    fields = '{"a": NaN, "b": [-Infinity, 1e999], "c": 0.5}'
    said = f'{{"at": NaN, "text": "x", "level": "info", "logger": "acme", "fields": {fields}}}'
    line = read_line("stdout", MARK + said.encode())
    assert line.fields == {"a": "NaN", "b": ["-Infinity", "1e999"], "c": 0.5}
    assert json.loads(kept(line), parse_constant=pytest.fail)[0]["at"] == 0.0


@pytest.mark.parametrize(
    "said", ['{"at": 1e300', '{"at": 1e300, "text": 1, "level": 2, "logger": [], "fields": 3}', "7"]
)
def test_somebody_who_prints_our_mark_is_shown_too(said: str) -> None:
    line = read_line("stderr", MARK + said.encode())
    assert line.text
    assert 0 <= line.at < 253_402_300_801


def test_what_is_printed_at_once_is_kept_at_once_and_counts_by_line() -> None:
    kept: list[Line] = []
    output = RunOutput(lambda step, attempt, lines: kept.extend(lines))
    output.feed("stdout", b"one\ntwo\n")
    output.feed("stdout", b"thr")
    output.feed("stdout", b"ee\nfour\n")
    for _ in range(4_000):
        output.feed("stdout", b"more\n")
    output.flush()
    assert [each.text for each in kept[:3]] == ["one\ntwo", "three", "four"]
    assert sum(each.text.count("\n") + 1 for each in kept) == 2_000 + 1 + 200
    assert any("lines more" in each.text for each in kept)


def test_a_run_has_one_row_for_what_it_said_in_a_moment() -> None:
    one, other = new_id(), new_id()
    said = [
        Said(one, "a", 1, {}, [Line(1.0, "stdout", "x")]),
        Said(other, "a", 2, {}, [Line(1.0, "stdout", "y")]),
        Said(one, None, 1, {}, [Line(1.0, "stdout", "z")]),
    ]
    (first, second), _ = written(said)
    assert [(each["step"], each["text"]) for each in json.loads(first.lines)] == [("a", "x"), (None, "z")]
    [line] = json.loads(second.lines)
    assert (second.run_id, line["step"], line["attempt"], line["text"]) == (other, "a", 2, "y")


def test_the_workers_own_log_says_each_line_with_its_run_its_attempt_and_its_fields() -> None:
    keys = {"run": "r", "function": "f"}
    printed, record = Line(1.5, "stdout", "x\né"), Line(2.0, "log", "said", "error", "acme", {"rows": 3, "run": 7})
    shown = written([Said(new_id(), "a", 2, keys, [printed, record])])[1]
    assert shown.isascii()
    first, second = (json.loads(each) for each in shown.splitlines())
    whose = {"process": "worker", **keys, "step": "a", "attempt": 2}
    at = [each.pop("timestamp") for each in (first, second)]
    assert at == ["1970-01-01T00:00:01.500000Z", "1970-01-01T00:00:02.000000Z"]
    assert first == {**whose, "event": "x\né", "stream": "stdout", "level": "info", "logger": "print"}
    assert second == {**whose, "rows": 3, "event": "said", "stream": "log", "level": "error", "logger": "acme"}


SAYS = """
import logging, sys
from andon_worker.lane.capture import CaptureHandler, show_lines_at_once
show_lines_at_once(marked=True)
logging.getLogger().addHandler(CaptureHandler(logging.WARNING))
for n in range(200):
    print(f"{n} out")
    print(f"{n} err", file=sys.stderr)
    logging.warning("%d log", n)
print("begun, ", end="", flush=True)
logging.warning("between")
print("and ended")
for n in range(3):
    print(".", end="", flush=True, file=sys.stderr)
print(" done", file=sys.stderr)
print("last", file=sys.stderr)
"""


def test_what_is_printed_and_logged_stays_in_its_order_whichever_way_it_went() -> None:
    said = subprocess.run([sys.executable, "-c", SAYS], capture_output=True, check=True)
    lines: list[Line] = []
    output = RunOutput(lambda step, attempt, new: lines.extend(new))
    output.feed("stdout", said.stdout)
    output.flush()
    shown = [(each.stream, text) for each in lines for text in each.text.split("\n")]
    kinds = {"stdout": "out", "stderr": "err", "log": "log"}
    assert [(kinds[stream], text) for stream, text in shown[:600]] == [
        (kind, f"{n} {kind}") for n in range(200) for kind in ("out", "err", "log")
    ]
    last = [("stdout", "begun, "), ("log", "between"), ("stdout", "and ended"), ("stderr", "last")]
    assert shown[600:] == last
    assert said.stderr == b"... done\n"


def test_a_line_of_nothing_but_marks_is_taken_apart_at_once() -> None:
    lines: list[Line] = []
    output = RunOutput(lambda step, attempt, new: lines.extend(new))
    output.feed("stdout", MARK * 5_000 + b"\n")
    output.flush()
    assert sum(len(each.text) for each in lines) <= 5_000


BAR = """
import sys
from andon_worker.lane.capture import show_lines_at_once
show_lines_at_once(marked=True)
for file in (sys.stdout, sys.stderr):
    print("before", file=file)
    for n in range(101):
        print(f"\\r{n:3}% {'#' * n}", end="", file=file, flush=True)
    print(file=file)
    for n in range(3):
        print(f"{n} of 3", end="\\r", file=file, flush=True)
    print("all of 3\\r\\nbehind", file=file)
    print("wiped out\\r", " " * 9, end="\\r", file=file, flush=True)
"""


@pytest.mark.parametrize("at_once", [1, 7, 64 * 1024])
def test_of_a_bar_its_last_state_is_kept(at_once: int) -> None:
    said = subprocess.run([sys.executable, "-c", BAR], capture_output=True, check=True)
    lines: list[Line] = []
    output = RunOutput(lambda step, attempt, new: lines.extend(new))
    for stream, data in (("stdout", said.stdout), ("stderr", said.stderr)):
        for start in range(0, len(data), at_once):
            output.feed(stream, data[start : start + at_once])
    output.flush()
    shown = {"before", f"100% {'#' * 100}", "all of 3", "behind"}
    for stream in ("stdout", "stderr"):
        found = [text for each in lines if each.stream == stream for text in each.text.split("\n")]
        assert (len(found), set(found)) == (4, shown)


def test_a_bar_that_goes_on_takes_no_room_and_what_is_logged_meanwhile_is_kept() -> None:
    lines: list[Line] = []
    output = RunOutput(lambda step, attempt, new: lines.extend(new))
    for n in range(10_000):
        output.feed("stdout", f"{n} rows\r".encode())
    output.feed("stdout", MARK + b'{"at": 1.0, "level": "info", "logger": "acme", "text": "half"}\n')
    output.feed("stdout", b"\r50%\r51%")
    output.flush()
    assert [each.text for each in lines] == ["half", "51%"]


def test_what_colours_a_terminal_is_left_out_of_lines_records_and_errors() -> None:
    styled = "\x1b[1;31mred\x1b[0m \x1b]8;;http://a.example\x07link\x1b]8;;\x07\x1b[2K\x1b[38;5;208m!\x1b[m"
    assert read_line("stdout", styled.encode()).text == "red link!"
    record = logging.makeLogRecord({"msg": styled, "levelname": "INFO", "name": "acme"})
    assert read_line("stdout", MARK + encode(record).encode()).text == "red link!"
    assert describe(ValueError(styled))["message"] == "red link!"


@pytest.mark.parametrize("flood", [b"\n" * 65_536, b"x\r" * 32_768 + b"\n", MARK * 65_535 + b"\n", MARK * 65_536])
def test_of_what_comes_at_once_no_more_is_looked_at_than_is_kept(flood: bytes) -> None:
    calls = 0

    def count(frame: object, event: str, arg: object) -> None:
        nonlocal calls
        calls += event == "call"

    output = RunOutput(lambda step, attempt, new: None)
    output.feed("stdout", b"x\n" * 5_000)
    sys.setprofile(count)
    try:
        output.feed("stdout", flood)
    finally:
        sys.setprofile(None)
    assert calls < 4_000


def test_what_is_not_looked_at_is_counted() -> None:
    lines: list[Line] = []
    output = RunOutput(lambda step, attempt, new: lines.extend(new))
    for start in (0, 10_000, 20_000):
        output.feed("stdout", b"".join(b"%d\n" % n for n in range(start, start + 10_000)))
    output.flush()
    said = [each.text for each in lines]
    assert said[:2_000] == [str(n) for n in range(2_000)]
    assert said[2_000:] == ["… 27,800 lines more", *(str(n) for n in range(29_800, 30_000))]
