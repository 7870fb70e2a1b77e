import io
import json

import pytest

from andon.embedded.console import Console
from andon.embedded.plain import DIM, GREEN, MAGENTA, RED, YELLOW, plain

RUN = {
    "run": "01a2192d-0000-7000-8000-00000033aa67",
    "function": "greet",
    "logger": "andon_worker.supervisor.signals.narrating",
    "level": "info",
}


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("said", "shown", "colour"),
    [
        ({"event": "run started", "kind": "function", "trigger": "a/b {}"}, "greet 33aa67  started  a/b {}", 36),
        ({"event": "step completed", "step": "s", "seconds": 0.25}, "greet 33aa67  step s completed in 250 ms", None),
        (
            {"event": "step retrying", "step": "s", "attempt": 1, "retries": 3, "error": "OSError: no"},
            "greet 33aa67  step s failed, attempt 1 of 4: OSError: no",
            YELLOW,
        ),
        (
            {"event": "run retrying", "attempt": 1, "retries": 3, "error": "KeyError: 'a'", "at": "f.py:3 in greet: x"},
            "greet 33aa67  the function failed, attempt 1 of 4: KeyError: 'a'\n    f.py:3 in greet: x",
            YELLOW,
        ),
        (
            {"event": "run failed", "kind": "function", "seconds": 0.5, "error": "KeyError: 'a'", "told": False},
            "greet 33aa67  failed after 500 ms: KeyError: 'a'",
            RED,
        ),
        (
            {"event": "run failed", "kind": "function", "error": "OSError: no", "told": True},
            "greet 33aa67  failed",
            RED,
        ),
        (
            {"event": "step failed", "step": "s", "attempt": 4, "retries": 3, "error": "OSError: no"},
            "greet 33aa67  step s failed for good: OSError: no",
            RED,
        ),
        (
            {"event": "run cancelled", "kind": "function", "step": "s", "stopped_ms": 4, "seconds": 1},
            "greet 33aa67  cancelled in step s: its code stopped 4 ms after it was told",
            MAGENTA,
        ),
        ({"event": "run completed", "kind": "function", "seconds": 2.04}, "greet 33aa67  completed after 2.0 s", GREEN),
    ],
)
def test_what_becomes_of_runs_is_a_plain_line(said: dict[str, object], shown: str, colour: int | None) -> None:
    assert plain(json.dumps({**RUN, **said})) == (shown, colour)


def test_an_event_that_starts_no_run_says_why() -> None:
    said = {
        "event": "no run started",
        "trigger": "greeting/requested",
        "function": "greet",
        "why": "no such row (id: 7)",
    }
    shown = plain(json.dumps({**said, "level": "warning", "logger": "andon_worker.dispatcher.narrating"}))
    assert shown == ("greeting/requested started no run of greet: no such row (id: 7)", YELLOW)


def test_each_line_of_what_is_said_has_its_colour_and_its_name() -> None:
    out = Terminal()
    Console(out).say("failed\n    f.py:3", "worker", wrong=True)
    name = f"\x1b[33m{'worker':<10}\x1b[0m"
    assert out.getvalue() == f"{name} | \x1b[31mfailed\x1b[0m\n{name} | \x1b[31m    f.py:3\x1b[0m\n"


def test_what_a_run_prints_stands_under_it() -> None:
    said = {**RUN, "event": "fetching", "stream": "stdout", "logger": "print"}
    assert plain(json.dumps(said)) == ("greet 33aa67    fetching", DIM)


@pytest.mark.parametrize("logger", ["gunicorn.error", "dramatiq.worker", "andon_worker.supervisor.service"])
def test_chatter_is_left_out(logger: str) -> None:
    assert plain(json.dumps({"event": "Booting", "level": "info", "logger": logger})) is None


def test_warnings_and_what_is_no_json_are_shown() -> None:
    said = {"event": "the nursery has ended", "level": "error", "logger": "andon_worker", "exception": "Traceback"}
    assert plain(json.dumps(said)) == ("the nursery has ended\nTraceback", RED)
    assert plain("Segmentation fault") == ("Segmentation fault", None)
    assert plain("") is None
