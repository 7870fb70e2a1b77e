"""Bodies over the limit are refused as such, whether or not they say how long they are."""

from __future__ import annotations

import io
from typing import Any

import pytest
from flask import Flask

from andon_api.http.bodies import LARGEST


@pytest.mark.parametrize(
    "path", ["/api/v1/events", "/api/v1/reports", "/api/v1/reports/r/generate", "/api/v1/cancellations", "/e/key"]
)
@pytest.mark.parametrize("chunked", [False, True])
def test_json_over_the_limit_is_413(app: Flask, path: str, chunked: bool) -> None:
    body = b'{"name": "' + b"x" * LARGEST + b'"}'
    how: dict[str, Any] = {"data": body}
    if chunked:  # gunicorn hands on a chunked body as a stream that ends by itself
        how = {"input_stream": io.BytesIO(body), "headers": {"Transfer-Encoding": "chunked"}}
        how["environ_overrides"] = {"wsgi.input_terminated": True}
    answer = app.test_client().post(path, content_type="application/json", **how)
    assert (answer.status_code, answer.content_type) == (413, "application/problem+json"), answer.text
