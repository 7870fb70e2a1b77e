"""A released path, field, parameter or answer stays; more may come. `python -m tests.contract.openapi` records more."""

from __future__ import annotations

import copy
import json
from typing import Any

import jsonschema_rs
import pytest

from andon_api.http.document.examples import EXAMPLES
from tests.contract.openapi import RELEASED, current, demands, promises


@pytest.fixture(scope="module")
def now() -> dict[str, Any]:
    """The document that the code makes."""
    return current()


@pytest.fixture(scope="module")
def released() -> dict[str, Any]:
    """The document as it was released."""
    return dict(json.loads(RELEASED.read_text()))


def test_nothing_released_has_disappeared(now: dict[str, Any], released: dict[str, Any]) -> None:
    assert promises(released) - promises(now) == set()


def test_no_more_is_asked_of_clients_than_before(now: dict[str, Any], released: dict[str, Any]) -> None:
    known = promises(released)
    assert {each for each in demands(now) - demands(released) if any(each in line for line in known)} == set()


def test_a_path_or_field_that_disappears_is_noticed(released: dict[str, Any]) -> None:
    less = copy.deepcopy(released)
    del less["paths"]["/api/v1/reports/{id}/cancel"]
    del less["components"]["schemas"]["Report"]["properties"]["status"]
    gone = promises(released) - promises(less)
    assert {"POST /api/v1/reports/{id}/cancel", "Report.status: string"} <= gone


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_each_example_is_one_of_its_shape(now: dict[str, Any], name: str) -> None:
    schema = {**now["components"]["schemas"][name], "components": now["components"]}
    [shown] = schema["examples"]
    assert [str(each) for each in jsonschema_rs.Draft202012Validator(schema).iter_errors(shown)] == []
    assert set(EXAMPLES[name]) <= set(schema["properties"])
