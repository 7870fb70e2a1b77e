import datetime as dt
import io

import pytest

from andon.cli.rest.events import unheard
from andon.cli.terminal.errors import report_errors
from andon.client import Function, NotAllowed, Unreachable


def registered(trigger: str, cancel: str) -> Function:
    return Function(
        id="f",
        module="m",
        trigger=trigger,
        triggers=({"event": trigger},),
        cancel_on=({"event": cancel},),
        settings={},
        registered_at=dt.datetime.now(dt.UTC),
        seen_at=dt.datetime.now(dt.UTC),
    )


FUNCTIONS = [registered("import/requested", "import/cancelled"), registered("order/*", "order/given.up")]


@pytest.mark.parametrize("name", ["import/requested", "import/cancelled", "order/placed"])
def test_of_a_name_that_a_function_listens_to_nothing_is_said(name: str) -> None:
    assert unheard(name, FUNCTIONS) is None


def test_of_any_other_the_nearest_names_are_told() -> None:
    said = unheard("improt/requested", FUNCTIONS)
    assert said == "No function starts, or is cancelled, on improt/requested. Did you mean import/requested?"
    assert "`andon functions` lists" in (unheard("zebra", FUNCTIONS) or "")


@pytest.mark.parametrize(
    ("error", "variable"),
    [(Unreachable(None, "away"), "ANDON_URL"), (NotAllowed(401, "no"), "ANDON_API_KEY")],
)
def test_an_error_names_the_variable_to_set(error: Exception, variable: str) -> None:
    out = io.StringIO()
    with pytest.raises(SystemExit), report_errors(out):
        raise error
    assert variable in out.getvalue()
