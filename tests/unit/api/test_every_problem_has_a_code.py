"""Whatever the status, and whoever answers: a problem says its kind, and where that is explained."""

import json
from http import HTTPStatus

import pytest
from gunicorn.http.errors import UnsupportedTransferCoding  # type: ignore[import-untyped]
from werkzeug.exceptions import HTTPException, default_exceptions

from andon_api.http.problems import KINDS, Problem, document, of_http
from andon_api.serving.refusal import of_error, refusal

WITHOUT_A_REQUEST = [400, 414, 417, 431, 500, 501, 503]


@pytest.mark.parametrize("status", [each for each in HTTPStatus if each >= 400])
def test_every_status_is_of_a_kind(status: HTTPStatus) -> None:
    said = document(Problem(status, "why"))
    assert said["type"] == f"/problems/{said['code']}"
    assert said["code"] in ({code for code, kind in KINDS.items() if kind.status == status} or KINDS)


@pytest.mark.parametrize("raised", default_exceptions.values())
def test_so_is_whatever_the_framework_raises(raised: type[HTTPException]) -> None:
    assert document(of_http(raised()))["code"] in KINDS


@pytest.mark.parametrize("status", WITHOUT_A_REQUEST)
def test_what_is_answered_without_a_request_says_the_same(status: int) -> None:
    said = json.loads(refusal(status, "why").partition(b"\r\n\r\n")[2])
    assert said == document(Problem(status, "why"))


def test_a_transfer_coding_that_is_not_known_is_a_bad_request() -> None:
    said = json.loads(of_error(UnsupportedTransferCoding("rot13")).partition(b"\r\n\r\n")[2])
    assert (said["status"], said["code"], said["type"]) == (501, "bad-request", "/problems/bad-request")
