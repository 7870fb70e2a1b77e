"""What every `Journal` does. A test class inherits `JournalContract` and says in a fixture what it is held to."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from andon.engine.artifacts import Stored
from andon.engine.errors import Cancelled, InvalidResult, LeaseLost
from andon.engine.events import Event
from andon.engine.memos import Memo, encode_result
from andon.engine.ports import Attempt, Journal


@dataclass
class Kept:
    """A journal with what its contract needs beside it: `write(session)` leaves a row, `written()` counts them.

    `files()` are the artifacts that it names, each with its step, key and bytes.
    """

    journal: Journal
    memos: Callable[[], dict[str, Memo]]
    cancel: Callable[[], None]
    lose: Callable[[], None]
    write: Callable[[Any], None]
    written: Callable[[], int]
    sent: Callable[[], list[tuple[str, dict[str, Any]]]]
    """Id and data of the events that were recorded, in order."""
    files: Callable[[], dict[str, tuple[str, str, int]]]
    tags: Callable[[], list[str]]
    """What the run is tagged with, sorted."""

    def transaction(self, fn: Callable[[Any], Any], name: str = "save") -> Any:
        """The result of `fn(session)`, kept as that of step number 1."""
        encode: Callable[[Any], str] = lambda value: encode_result(name, value)  # noqa: E731
        return json.loads(self.journal.transaction(Attempt(name, 0), fn, encode))

    def save(self, session: Any) -> dict[str, int]:
        """Leave a row, return something."""
        self.write(session)
        return {"rows": 1}


class JournalContract:
    """Inherit, and define the fixture `kept`: a running run's journal, empty."""

    @pytest.fixture
    def kept(self) -> Kept:
        raise NotImplementedError

    def test_a_result_is_remembered_with_its_place_and_attempt(self, kept: Kept) -> None:
        assert kept.journal.complete(Attempt("first", 0, 2), 1.5, '{"a":[1,null,"\u00e4"]}') is False
        assert kept.memos() == {"first": Memo("first", 0, "completed", 2, output={"a": [1, None, "ä"]})}

    def test_nothing_is_remembered_at_first(self, kept: Kept) -> None:
        assert kept.memos() == {}

    def test_the_order_of_an_objects_keys_survives(self, kept: Kept) -> None:
        kept.journal.complete(Attempt("first", 0, 1), 0.0, '{"b":1,"a":2}')
        assert list(kept.memos()["first"].output) == ["b", "a"]

    def test_files_are_kept_with_their_steps_result_and_a_name_once(self, kept: Kept) -> None:
        file = Stored("a.csv", "k/1", 3, "text/csv")
        for _ in range(2):  # written again, where the answer was lost
            assert kept.journal.complete(Attempt("first", 0), 0.1, "1", [file]) is False
        assert kept.files() == {"a.csv": ("first", "k/1", 3)}
        with pytest.raises(InvalidResult, match="has stored an artifact"):
            kept.journal.complete(Attempt("second", 1), 0.1, "1", [Stored("b.csv", "k/2", 3, "t/t"), file])
        assert (set(kept.memos()), set(kept.files())) == ({"first"}, {"a.csv"}), "all of it or nothing"

    def test_a_failed_attempt_is_remembered_until_the_step_completes(self, kept: Kept) -> None:
        kept.journal.fail(Attempt("first", 0, 1), 0.1, {"message": "broken"}, final=False)
        memo = kept.memos()["first"]
        assert (memo.status, memo.attempt, memo.error) == ("retrying", 1, {"message": "broken"})
        kept.journal.complete(Attempt("first", 0, 2), 0.1, "1")
        memo = kept.memos()["first"]
        assert (memo.status, memo.attempt, memo.output, memo.error) == ("completed", 2, 1, None)

    def test_a_final_failure_is_told_from_one_that_is_tried_again(self, kept: Kept) -> None:
        kept.journal.fail(Attempt("first", 0, 4), 0.1, {"message": "broken"}, final=True)
        assert kept.memos()["first"].status == "failed"

    def test_a_sleep_keeps_its_first_answer(self, kept: Kept) -> None:
        wakes = kept.journal.sleep("night", 0, seconds=3600, until=None)
        assert kept.journal.sleep("night", 0, seconds=7200, until=None) == wakes
        memo = kept.memos()["night"]
        assert (memo.status, memo.due) == ("sleeping", False)

    def test_a_sleep_until_a_time_that_is_past_is_due(self, kept: Kept) -> None:
        past = dt.datetime(2001, 1, 1, tzinfo=dt.UTC)
        assert kept.journal.sleep("night", 0, seconds=None, until=past) == past
        assert kept.memos()["night"].due
        kept.journal.complete(Attempt("night", 0, 1), 0.0, "null")
        assert kept.memos()["night"].status == "completed"

    def test_a_transaction_keeps_its_writes_with_its_memo(self, kept: Kept) -> None:
        assert kept.transaction(kept.save) == {"rows": 1}
        assert kept.written() == 1
        assert kept.memos()["save"].output == {"rows": 1}

    def test_a_transaction_that_fails_keeps_neither(self, kept: Kept) -> None:
        def fail(session: Any) -> None:
            kept.write(session)
            raise ValueError("broken")

        with pytest.raises(ValueError, match="broken"):
            kept.transaction(fail)
        assert (kept.written(), kept.memos()) == (0, {})

    def test_a_transaction_whose_result_is_not_json_keeps_neither(self, kept: Kept) -> None:
        def odd(session: Any) -> object:
            kept.write(session)
            return object()

        with pytest.raises(InvalidResult):
            kept.transaction(odd)
        assert (kept.written(), kept.memos()) == (0, {})

    def test_events_are_recorded_with_the_result_in_their_order_and_once(self, kept: Kept) -> None:
        events = [Event("a/b", {"n": n}, id=f"step:r:tell:{n}") for n in range(3)]
        for _ in range(2):
            assert kept.journal.send(Attempt("tell", 0), events, '["x"]') is False
        assert kept.sent() == [(f"step:r:tell:{n}", {"n": n}) for n in range(3)]
        assert kept.memos() == {"tell": Memo("tell", 0, "completed", 1, output=["x"])}

    def test_a_run_is_tagged_once_by_each_word_and_by_ten_at_most(self, kept: Kept) -> None:
        words = [f"page:{n}" for n in range(10)]
        assert all(kept.journal.tag(word) for word in [*words, *words]), "a replay passes here again"
        assert kept.journal.tag("one:more") is False
        assert kept.tags() == words

    def test_after_a_cancel_nothing_is_kept(self, kept: Kept) -> None:
        kept.cancel()
        assert kept.journal.tag("late") is True, "whoever is cancelled has nothing to be told of room"
        assert kept.journal.complete(Attempt("first", 0, 1), 0.1, "1") is True
        assert kept.journal.send(Attempt("tell", 0), [Event("a/b", id="x")], '["x"]') is True
        with pytest.raises(Cancelled):
            kept.transaction(kept.save)
        assert (kept.written(), kept.memos(), kept.sent(), kept.tags()) == (0, {}, [], [])

    def test_a_cancel_during_a_transaction_undoes_it(self, kept: Kept) -> None:
        def save(session: Any) -> None:
            kept.write(session)
            kept.cancel()

        with pytest.raises(Cancelled):
            kept.transaction(save)
        assert (kept.written(), kept.memos()) == (0, {})

    def test_a_former_holder_writes_nothing(self, kept: Kept) -> None:
        kept.lose()
        with pytest.raises(LeaseLost):
            kept.journal.complete(Attempt("first", 0, 1), 0.1, "1")
        with pytest.raises(LeaseLost):
            kept.journal.fail(Attempt("first", 0, 1), 0.1, {"message": "broken"}, final=True)
        with pytest.raises(LeaseLost):
            kept.journal.sleep("first", 0, seconds=1, until=None)
        with pytest.raises(LeaseLost):
            kept.journal.send(Attempt("tell", 0), [Event("a/b", id="x")], '["x"]')
        with pytest.raises(LeaseLost):
            kept.journal.tag("late")
        with pytest.raises(LeaseLost):
            kept.transaction(kept.save)
        assert (kept.written(), kept.memos(), kept.sent()) == (0, {}, [])
