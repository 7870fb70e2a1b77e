"""Whatever an id holds: its address leads to it, in every route that has such a part."""

from __future__ import annotations

from urllib.parse import unquote

import pytest
from flask import Flask
from werkzeug.routing import PathConverter, Rule

TEXTS = [
    "a\nb",
    "\n",
    "a\n",
    "\na\n\nb",
    "a\rb",
    "a\x0b\x1c\x85\u2028b",
    "/a",
    "//a//b",
    "%2f%0a",
    "?a#b",
    ".",
    "..",
    " ",
]


def with_texts(app: Flask) -> list[Rule]:
    return [rule for rule in app.url_map.iter_rules() if any(map(is_text, rule._converters.values()))]


def is_text(converter: object) -> bool:
    return isinstance(converter, PathConverter)


def addressed(rule: Rule, text: str) -> dict[str, object]:
    """A value for each part of the rule's address; whole numbers are of one route."""
    return {name: text if is_text(converter) else "x" for name, converter in rule._converters.items()}


@pytest.mark.parametrize("text", TEXTS, ids=repr)
def test_an_address_with_a_text_leads_to_it(app: Flask, text: str) -> None:
    rules = with_texts(app)
    assert {rule.endpoint for rule in rules} >= {"subjects.one", "subjects.cancel", "streams.subject", "events.one"}
    adapter = app.url_map.bind("andon.example")
    for rule in rules:
        method = "POST" if rule.methods and "POST" in rule.methods else "GET"
        address = adapter.build(rule.endpoint, values := addressed(rule, text), method)
        assert adapter.match(unquote(address), method) == (rule.endpoint, values)


@pytest.mark.parametrize("text", ["a\nb", "\r\n\t", "\u2028", "."], ids=repr)
def test_a_part_without_slashes_is_any_other_text(app: Flask, text: str) -> None:
    adapter = app.url_map.bind("andon.example")
    for rule in app.url_map.iter_rules():
        values = {name: 1 if "int" in repr(each).lower() else text for name, each in rule._converters.items()}
        method = next(iter(rule.methods - {"HEAD", "OPTIONS"})) if rule.methods else "GET"
        address = adapter.build(rule.endpoint, values, method)
        assert adapter.match(unquote(address), method) == (rule.endpoint, values)
