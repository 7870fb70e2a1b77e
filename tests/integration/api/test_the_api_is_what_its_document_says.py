"""Requests, right and wrong, made up from the OpenAPI document: no 500, and only answers that it names."""

from __future__ import annotations

import io
from typing import Any

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode, checks

from tests.contract.openapi import METHODS, current
from tests.integration.api.conftest import CSV

EXAMPLES = 10
CHECKS = [
    checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
    checks.response_headers_conformance,
]
ENDLESS = "/stream"
OPERATIONS = [
    (path, method)
    for path, item in sorted(current()["paths"].items())
    for method in METHODS
    if method in item and not path.endswith(ENDLESS)
]


@pytest.fixture
def document(app: Flask) -> Any:
    """The document of an app that has some of everything."""
    client = app.test_client()
    dataset = client.post("/api/v1/datasets", data={"file": (io.BytesIO(CSV), "sales.csv")}).get_json()
    report = client.post("/api/v1/reports", json={"title": "Sales", "datasetId": dataset["id"]}).get_json()
    client.post(f"/api/v1/reports/{report['id']}/generate")
    return schemathesis.openapi.from_wsgi("/api/v1/openapi.json", app)


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_every_answer_is_one_that_the_document_names(document: Any, path: str, method: str) -> None:
    operation = document[path][method]

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=st.one_of(*(operation.as_strategy(generation_mode=mode) for mode in GenerationMode)))
    def answers_as_documented(case: Any) -> None:
        case.call_and_validate(checks=CHECKS)

    answers_as_documented()
