"""A declaration that can't be meant is refused at registration, by a sentence that names function and argument."""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import AsyncIterator, Iterator
from dataclasses import fields
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from andon import CancelOn, Cron, Debounce, Event, Function, On, RegistrationError, Step, Subject, function
from andon.adapters.cel import check_expression
from andon.adapters.cron import check_schedule
from andon.engine.declared.arguments import ARGUMENTS
from andon.engine.declared.functions import Registry

STOP = CancelOn("work/cancelled", match="data.id")


def work(event: Event, step: Step) -> None:
    """A handler."""


async def work_async(event: Event, step: Step) -> None:
    """A handler that awaits."""


class Callable:
    """An object that can be called."""

    def __call__(self, event: Event, step: Step) -> None: ...


def generator(event: Event, step: Step) -> Iterator[int]:
    """No handler: nobody would go through it."""
    yield 1


async def async_generator(event: Event, step: Step) -> AsyncIterator[int]:
    """No handler either."""
    yield 1


def declared(handler: Any = work, **said: Any) -> Function:
    """A function that is said to be so."""
    trigger = {} if "triggers" in said else {"trigger": "work/requested"}
    return function(**{"id": "work", **trigger, "cancel_on": [STOP], **said})(handler)


def register(*functions: Function) -> Registry:
    """What a process does with them."""
    return Registry(functions, check_expression=check_expression, check_schedule=check_schedule)


NO_TEXTS: list[Any] = [None, 7, True, b"work", ["work"], {}]
DAY = dt.timedelta(days=1)
WRONG: list[tuple[dict[str, Any], str, str]] = [
    *(
        ({"id": id}, "id=", "expected a text of 1 to 200")
        for id in ("", " ", "a ", "a\0b", "a\nb", "\ud800", "x" * 201)
    ),
    *(({"id": id}, "id=", "expected a text of 1 to 200") for id in NO_TEXTS),
    *(
        ({"trigger": name}, "trigger=", "expected the name of an event")
        for name in ("", "my event", "a//b", "/a", "a/", "a\0", "ä", "x" * 201, None, 7, ["work/requested"])
    ),
    *(
        ({"triggers": triggers}, "triggers=", words)
        for triggers, words in (
            ("work/requested", "expected a list of On"),
            (On("work/requested"), "expected a list of On"),
            ([On("work/requested"), "x"], "expected a list of On"),
            ([On(f"work/{n}") for n in range(11)], "at most 10 triggers"),
            ([On("a"), On("b", if_="true"), On("b", if_="true")], "the same trigger twice"),
            ([On("my event")], "expected the name of an event"),
            ([On("*")], "expected the name of an event"),
            ([On("work*")], "expected the name of an event"),
            ([On("work/*/done")], "expected the name of an event"),
            ([On("/*")], "expected the name of an event"),
            ([On(7)], "needs the name of its event"),  # type: ignore[arg-type]
            ([On("andon/*")], "covers no event of Andon's"),
            ([On("andon/function.*")], "covers no event of Andon's"),
            ([On("inngest/*")], "covers no event of Andon's or Inngest's"),
            ([On("a"), On("andon/function.completed")], "start itself by its own end"),
            ([On("a", if_="")], "expected a CEL expression"),
            ([Cron(7)], "expr=7: expected a text"),  # type: ignore[arg-type]
            ([Cron("0 3 * * *", tz="Mars/Olympus")], "expected a time zone"),
            ([Cron("0 3 * *")], "expected minute, hour"),
            ([Cron("0 3 30 2 *")], "Bad day-of-month"),
            ([Cron("0 3 * * *", jitter=60)], "expected a datetime.timedelta of at most an hour"),  # type: ignore[arg-type]
            ([Cron("0 3 * * *", jitter=DAY)], "expected a datetime.timedelta of at most an hour"),
            ([Cron("0 3 * * *", overlap="wait")], "expected one of skip, queue, cancel, allow"),  # type: ignore[arg-type]
            ([Cron("0 3 * * *", catch_up="all")], "of which overlap="),
            ([Cron("0 3 * * *", catch_up="all", overlap="cancel")], 'of which overlap="cancel" leaves one'),
            ([Cron("0 3 * * *", data={"at": 1})], "'at' is what Andon tells of a tick"),
            ([Cron("0 3 * * *", data={"a": {1}})], "data: "),
            ([Cron("0 3 * * *", data={"a": "x" * 70_000})], "at most 64 KiB"),
            ([Cron("0 3 * * *"), Cron("0 3 * * *", data={"a": 1})], "the same schedule twice"),
            ([On("a", if_=7)], "expected a CEL expression"),  # type: ignore[arg-type]
        )
    ),
    *(
        ({"triggers": [On("a", if_=text)]}, "if_=", words)
        for text, words in (
            ("a ==", "expected a value"),
            ("async.data.id == 1", "it names 'async'; expected only 'event'"),
            ("'" + "x" * 1000 + "' == ''", "at most 1000 characters"),
        )
    ),
    ({"triggers": [On("a"), On("work/cancelled")]}, "cancel_on=", "'work/cancelled' is its own cancel event"),
    ({"triggers": [On("work/*", if_="event.data.id > 0")]}, "cancel_on=", "is its own cancel event"),
    ({"triggers": []}, "trigger=", "expected the name of an event, or triggers=[...]"),
    ({"trigger": Cron("0 2 * * *")}, "trigger=", "Cron(...) goes into triggers=[...]"),
    ({"trigger": "a", "triggers": [On("b")]}, "trigger=", "and not both"),
    *(
        ({"tags": tags}, "tags=", words)
        for tags, words in (
            ("data.id", "expected a list of at most 10"),
            (["data.id"] * 11, "expected a list of at most 10"),
            ([7], "expected a path such as"),
            (["data"], "is not a path"),
            (["data.a b"], "is not a path"),
            (["async.data.id"], "it names 'async'"),
            (["'a' +"], "expected a value"),
        )
    ),
    *(({"idempotency": key}, "idempotency=", "expected a path such as") for key in (7, "", "data", ["data.id"])),
    ({"idempotency": "event.data.id +"}, "idempotency=", "expected a value"),
    ({"idempotency": "data.id", "idempotency_for": 60}, "idempotency_for=", "expected a datetime.timedelta"),
    ({"idempotency": "data.id", "idempotency_keep": "yes"}, "idempotency_keep=", "expected True or False"),
    *(
        ({"debounce": debounce}, "debounce=", words)
        for debounce, words in (
            (DAY, "expected Debounce(period)"),
            (Debounce(30), "expected a datetime.timedelta from a second"),  # type: ignore[arg-type]
            (Debounce(DAY / 10**6), "expected a datetime.timedelta from a second"),
            (Debounce(DAY, "data"), "expected a path such as"),
            (Debounce(DAY, "now()"), "no function now()"),
            (Debounce(DAY, at_most=DAY / 2), "at least the period"),
        )
    ),
    ({"debounce": Debounce(DAY), "idempotency": "data.id"}, "debounce=", "expected one of both"),
    ({"debounce": Debounce(DAY), "subject": Subject("page", "data.id")}, "debounce=", "newest request decides already"),
    ({"trigger": "andon/run.started"}, "trigger=", "there is no such event"),
    ({"trigger": "andon/function.completed"}, "trigger=", "start itself by its own end"),
    *(
        ({"retries": retries}, "retries=", "expected a whole number from 0 to 100000")
        for retries in (-1, True, "3", 1.5, None, 10**9, float("inf"), [3])
    ),
    *(
        ({"cancel_deadline": span}, "cancel_deadline=", "expected a datetime.timedelta above zero")
        for span in (60, 60.0, "60", True, dt.timedelta(0), -DAY, dt.timedelta.max, dt.datetime(2026, 1, 1))
    ),
    *(
        ({"queue": queue}, "queue=", "expected 1 to 100 letters")
        for queue in (None, "", "a b", "ä", "1st", "a:b", "a\0", "x" * 101, 7, ["default"])
    ),
    *(({"queue": queue}, "queue=", "doesn't end in") for queue in ("a.urgent", "a.alone", "a.DQ", "a.xq", "a.msgs")),
    *(
        ({"cancel_on": rules}, "cancel_on=", "expected a list of CancelOn")
        for rules in (STOP, "work/cancelled", None, [STOP, "x"], [None], 7, {"a": STOP})
    ),
    ({"cancel_on": [STOP] * 51}, "cancel_on=", "at most 50 rules"),
    ({"cancel_on": [STOP, STOP]}, "cancel_on=", "differ in nothing but remember="),
    (
        {"cancel_on": [STOP, CancelOn("work/cancelled", match="data.id", remember=DAY)]},
        "cancel_on=",
        "differ in nothing but remember=",
    ),
    ({"cancel_on": [CancelOn("work/requested", match="data.id")]}, "cancel_on=", "its own cancel event"),
    ({"cancel_on": [CancelOn("x", match="id")]}, "cancel_on=[CancelOn(event='x', match='id')]: match='id'", "a path"),
    *(
        ({"cancel_on": [rule]}, "cancel_on=", words)
        for rule, words in (
            (CancelOn("x"), "would cancel every run"),
            (CancelOn("x", match=""), "is not a path"),
            (CancelOn("x", match="id"), "is not a path"),
            (CancelOn("x", match="data.a\0"), "is not a path"),
            (CancelOn("x", match="data." + "a" * 200), "is not a path"),
            (CancelOn("x", match=7), "is not a path"),  # type: ignore[arg-type]
            (CancelOn("", match="data.id"), "needs the name of its event"),
            (CancelOn("my event", match="data.id"), "expected the name of an event"),
            (CancelOn(None, match="data.id"), "needs the name of its event"),  # type: ignore[arg-type]
            (CancelOn("andon/nothing", match="data.id"), "no such event"),
            (CancelOn("x", if_=""), "expected a CEL expression"),
            (CancelOn("x", if_=7), "expected a CEL expression"),  # type: ignore[arg-type]
            (CancelOn("x", match="data.id", remember=300), "expected a datetime.timedelta"),  # type: ignore[arg-type]
            (CancelOn("x", match="data.id", remember=-DAY), "expected a datetime.timedelta"),
            (CancelOn("x", match="data.id", remember=dt.timedelta.max), "expected a datetime.timedelta"),
            (CancelOn("x", every=1), "expected True or False"),  # type: ignore[arg-type]
            (CancelOn("x", match="data.id", every=True), "takes neither match nor if_"),
        )
    ),
    *(
        ({"cancel_on": [CancelOn("x", match="data.id", if_=text)]}, "if_=", words)
        for text, words in (
            ("a ==", "expected a value"),
            ("now() > 1", "no function now()"),
            ("os == 1", "it names 'os'"),
            ("'\0' == ''", "without \\u0000"),
            ("'" + "\U0001f600" * 300 + "' == ''", "at most 1000 characters"),
        )
    ),
    *(
        ({argument: hook}, f"{argument}=", words)
        for argument in ("on_cancel", "on_failure", "handler")
        for hook, words in (
            ("cleanup", "expected a function"),
            (7, "expected a function"),
            (generator, "it is a generator"),
            (async_generator, "it is a generator"),
            (functools.partial(generator), "it is a generator"),
            (lambda event: None, "two arguments"),
            (lambda: None, "two arguments"),
            (lambda event, step, more: None, "two arguments"),
            (lambda *, event, step: None, "two arguments"),
        )
    ),
]


@pytest.mark.parametrize(("said", "argument", "words"), WRONG)
def test_a_wrong_argument_is_refused_by_name(said: dict[str, Any], argument: str, words: str) -> None:
    handler = said.pop("handler", work) if "handler" in said else work
    with pytest.raises(RegistrationError) as refused:
        register(declared(handler, **said))
    sentence = str(refused.value)
    assert sentence.startswith("function ")
    assert argument in sentence
    assert words in sentence
    assert len(sentence) < 1_000
    assert sentence.isprintable()


@pytest.mark.parametrize(
    "said",
    [
        {"cancel_deadline": None, "retries": 0, "cancel_on": ()},
        {"cancel_deadline": dt.timedelta(milliseconds=1), "queue": "heavy-2.x"},
        {"trigger": "andon/function.failed", "id": "Überwachung"},
        {
            "triggers": [
                Cron("0 3 * * MON-FRI", "Europe/Berlin", DAY / 48, "allow", "all", {"key": "x"}),
                Cron("0 3 L * *"),
            ]
        },
        {"tags": ["data.id", "'nightly'"], "idempotency": "string(event.data.id)", "idempotency_for": DAY},
        {"debounce": Debounce(DAY, "data.id", at_most=2 * DAY)},
        {"triggers": [On("andon/function.failed"), On("inngest/function.failed"), On("a/b/*", if_="event.user == 1")]},
        {
            "cancel_on": [
                STOP,
                CancelOn("work/cancelled", match="data.id", if_="async.data.n > 1"),
                CancelOn.every_run("x"),
            ]
        },
        {"on_cancel": work_async, "on_failure": lambda event, step, *more, **named: None},
        {"on_cancel": Callable(), "on_failure": functools.partial(lambda a, event, step: None, 1)},
    ],
)
@pytest.mark.parametrize("handler", [work, work_async, Callable()])
def test_what_can_be_meant_is_taken(said: dict[str, Any], handler: Any) -> None:
    assert len(register(declared(handler, **said))) == 1


@given(
    st.sampled_from(
        sorted({"id", "trigger", "triggers", "retries", "cancel_deadline", "queue", "cancel_on", "on_cancel"})
    ),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.timedeltas(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=2) | st.tuples(inner),
        max_leaves=5,
    ),
)
def test_any_value_is_taken_or_refused_with_a_sentence(argument: str, value: Any) -> None:
    try:
        register(declared(**{argument: value}))
    except RegistrationError as refused:
        assert f"{argument}=" in str(refused)  # noqa: PT017 - most values are refused, and some aren't


def test_every_argument_has_a_row() -> None:
    assert {each.name for each in fields(Function)} == set(ARGUMENTS)
