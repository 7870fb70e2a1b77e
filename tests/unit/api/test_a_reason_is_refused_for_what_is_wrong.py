"""Of a cancel's reason it is said whether its length is wrong or its characters are."""

from __future__ import annotations

import pytest
from marshmallow import ValidationError

from andon_api.schemas import RunCancelBody


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("x" * 501, "expected a reason of 1 to 500 characters"),
        (" \n", "expected a reason of 1 to 500 characters"),
        ("stop\x07", "expected a reason of printable characters; it holds U+0007"),
        ("\u202estop", "expected a reason of printable characters; it holds U+202E"),
    ],
)
def test_what_is_wrong_is_said(reason: str, said: str) -> None:
    with pytest.raises(ValidationError) as refused:
        RunCancelBody().load({"reason": reason})
    assert refused.value.normalized_messages() == {"reason": [said]}  # type: ignore[no-untyped-call]


def test_lines_and_tabs_are_taken() -> None:
    assert RunCancelBody().load({"reason": "too late:\n\tasked twice"})["reason"] == "too late:\n\tasked twice"
