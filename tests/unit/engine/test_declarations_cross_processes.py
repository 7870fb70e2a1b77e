"""What is said of a function crosses processes as JSON, and nothing of it is lost."""

from __future__ import annotations

import datetime as dt
import json

from andon import CancelOn, Cron, Debounce, Event, On, Step, function
from andon.engine.declared.declarations import Declaration, from_json, to_json


@function(
    id="walk",
    triggers=[
        On("walk/requested", if_="event.data.steps > 1"),
        On("walks/*"),
        Cron("0 3 * * *", "Europe/Berlin", dt.timedelta(minutes=5), "allow", "all", {"a": [1]}),
    ],
    cancel_on=[
        CancelOn("walk/cancelled", match="data.case", if_="async.data.n > 1", remember=dt.timedelta(minutes=5)),
        CancelOn.every_run("walks/cancelled"),
    ],
    retries=7,
    cancel_deadline=None,
    queue="slow",
    tags=["data.case"],
    debounce=Debounce(dt.timedelta(seconds=30), "data.case", dt.timedelta(minutes=2)),
    on_cancel=lambda event, step: None,
)
def walk(event: Event, step: Step) -> None:
    """Declared with everything."""


def test_a_declaration_is_the_same_after_the_crossing() -> None:
    crossed = from_json(json.loads(json.dumps(to_json(walk))))
    assert to_json(crossed) == to_json(walk)
    assert crossed.cancel_on == walk.cancel_on
    assert (crossed.tags, crossed.debounce) == (walk.tags, walk.debounce)
    assert crossed.starts_on == walk.triggers
    assert crossed.cleanups == ("on_cancel",)
    assert crossed.module == __name__
    assert type(crossed) is Declaration


def test_durations_are_kept_to_the_microsecond() -> None:
    declared = Declaration(id="a", trigger="b", cancel_deadline=dt.timedelta(seconds=1, microseconds=1))
    assert from_json(json.loads(json.dumps(to_json(declared)))) == declared
