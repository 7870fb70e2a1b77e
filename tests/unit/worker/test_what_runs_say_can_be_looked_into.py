"""Lines as they are kept: whatever a record was given, Postgres can look into them."""

from __future__ import annotations

import json
import logging
import subprocess
import sys

import pytest

from andon.adapters.postgres.runs.run_logs import Chunk
from andon.engine.ids import new_id
from andon.engine.memos import describe
from andon_worker.lane.capture import encode
from andon_worker.supervisor.output.logbook import Said, as_json, rows_of
from andon_worker.supervisor.output.output import Line, RunOutput, read_line
from andon_worker.wire import MARK


def kept(line: Line) -> str:
    return f"[{as_json(line)}]"


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
        Said(Chunk(one, "a", 1), {}, [Line(1.0, "stdout", "x")]),
        Said(Chunk(other, "a", 2), {}, [Line(1.0, "stdout", "y")]),
        Said(Chunk(one, None, 1), {}, [Line(1.0, "stdout", "z")]),
    ]
    first, second = rows_of(said)
    assert [(each["step"], each["text"]) for each in json.loads(first.lines)] == [("a", "x"), (None, "z")]
    assert (second.run_id, second.step, second.attempt) == (other, "a", 2)
    assert "step" not in json.loads(second.lines)[0]


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


def test_what_colours_a_terminal_is_left_out_of_lines_records_and_errors() -> None:
    styled = "\x1b[1;31mred\x1b[0m \x1b]8;;http://a.example\x07link\x1b]8;;\x07\x1b[2K\x1b[38;5;208m!\x1b[m"
    assert read_line("stdout", styled.encode()).text == "red link!"
    record = logging.makeLogRecord({"msg": styled, "levelname": "INFO", "name": "acme"})
    assert read_line("stdout", MARK + encode(record).encode()).text == "red link!"
    assert describe(ValueError(styled))["message"] == "red link!"
