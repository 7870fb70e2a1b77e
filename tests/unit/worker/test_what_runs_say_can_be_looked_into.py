"""Lines as they are kept: whatever a record was given, Postgres can look into them."""

from __future__ import annotations

import json
import logging

import pytest

from andon_worker.lane.capture import encode
from andon_worker.supervisor.logbook import as_json
from andon_worker.supervisor.output import Line, read_line
from andon_worker.wire import MARK


def kept(line: Line) -> str:
    return as_json([line])


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


@pytest.mark.parametrize(
    "said", ['{"at": 1e300', '{"at": 1e300, "text": 1, "level": 2, "logger": [], "fields": 3}', "7"]
)
def test_somebody_who_prints_our_mark_is_shown_too(said: str) -> None:
    line = read_line("stderr", MARK + said.encode())
    assert line.text
    assert 0 <= line.at < 253_402_300_801
