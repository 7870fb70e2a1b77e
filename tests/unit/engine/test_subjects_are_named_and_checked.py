"""How an event names its subject, and which declarations of subjects and rows are refused, in which words."""

from __future__ import annotations

from typing import Any

import pytest

from andon import Event, On, RegistrationError, Row, Step, Subject, function
from andon.engine.declared.declarations import from_json, to_json
from andon.engine.declared.functions import Registry
from andon.engine.declared.subjects import placed, subject_id

WORDS: dict[str, Any] = {"active": "processing", "completed": "done", "failed": "failed", "cancelled": "cancelled"}


def declared(subject: Any, *, id: str = "f", **said: Any) -> Any:
    @function(id=id, subject=subject, **{"trigger": "video/requested", **said})
    def handler(event: Event, step: Step) -> None: ...

    return handler


def refusal(*functions: Any) -> str:
    with pytest.raises(RegistrationError) as refused:
        Registry(functions)
    return str(refused.value)


@pytest.mark.parametrize(
    ("value", "id"),
    [
        *[(42, "42"), ("42", "42"), (42.0, "42"), ("a b", "a b")],
        *[(each, None) for each in (True, None, 4.5, "", [1], "x" * 201, "\x00")],
    ],
)
def test_an_id_is_a_text_or_a_whole_number(value: Any, id: str | None) -> None:
    assert Subject("video", "data.of.video").named_in({"of": {"video": value}}) == id


def test_an_id_is_put_in_its_place() -> None:
    assert placed({"a": 1, "of": {"b": 2}}, ("of", "video"), 42) == {"a": 1, "of": {"b": 2, "video": 42}}
    assert placed({"of": "text"}, ("of", "video"), "x") == {"of": {"video": "x"}}


def test_tenants_and_kinds_tell_subjects_apart() -> None:
    named = {subject_id(tenant, kind, id) for tenant in "ab" for kind in "ab" for id in "ab"}
    assert len(named) == 8


def test_a_subject_crosses_processes() -> None:
    row = Row("public.videos", error="error", at={"active": "started_at"}, version="version", **WORDS)
    for subject in (Subject("video"), Subject("video", "data.videoId", row=row), None):
        handler = declared(subject)
        assert from_json(to_json(handler)).subject == subject


@pytest.mark.parametrize(
    ("subject", "words"),
    [
        ("video", "expected Subject(...), or None"),
        (Subject("Video"), "kind='Video': expected 1 to 60 of a-z"),
        (Subject("video", "videoId"), "id='videoId' is not a path such as 'data.videoId'"),
        (Subject("video", row=Row("a.b.c", **WORDS)), "table='a.b.c': expected the name of a table"),
        (Subject("video", row=Row("t", status="", **WORDS)), "status='': expected the name of a column"),
        (Subject("video", row=Row("t", at={"done": "x"}, **WORDS)), "expected columns by active, completed"),
        (Subject("video", row=Row("t", error="id", **WORDS)), "the column 'id' is named for two things"),
        (Subject("video", row=Row("t", **{**WORDS, "failed": "processing"})), "is the same as active"),
        (Subject("video", row=Row("t", **{**WORDS, "failed": True})), "failed=True: expected a text or a whole"),
    ],
)
def test_what_can_not_be_meant_is_refused(subject: Any, words: str) -> None:
    message = refusal(declared(subject))
    assert message.startswith("function 'f' in ")
    assert words in message


def test_one_kind_has_one_function_and_one_trigger() -> None:
    assert "moved by function 'f'" in refusal(declared(Subject("video")), declared(Subject("video"), id="g"))
    wild = declared(Subject("video"), trigger=None, triggers=[On("video/*")])
    assert "expected one trigger, no wildcard" in refusal(wild)


def test_two_kinds_that_write_one_column_are_refused() -> None:
    first = declared(Subject("video", row=Row("public.videos", **WORDS)))
    second = declared(Subject("film", row=Row("videos", key="key", **WORDS)), id="g")
    assert "column 'status' is written for function 'f' already: a row follows one kind" in refusal(first, second)
    Registry([first, declared(Subject("film", row=Row("videos", status="other", **WORDS)), id="g")])
