"""What `andon dev` says of the sample dataset, where it loads it and where it can't."""

import io

import pytest

from andon.embedded.console import Console
from andon.embedded.dev import offer_sample

NOBODY = "http://127.0.0.1:1"


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        (True, "no sample dataset is loaded: callers need keys (ANDON_AUTH), and it would be no tenant's"),
        (False, "the sample dataset could not be loaded: "),
    ],
)
def test_it_is_asked_of_an_api_that_answers_anybody(keys: bool, said: str) -> None:
    out = io.StringIO()
    offer_sample(NOBODY, Console(out), keys=keys)
    [line] = out.getvalue().splitlines()
    assert said in line
