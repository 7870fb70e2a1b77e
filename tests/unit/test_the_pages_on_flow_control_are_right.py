"""What the pages on flow control show is code that is accepted, and runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from andon import Event, Function
from andon.adapters.cel import check_expression
from andon.engine.functions import Registry
from andon.testing import run_function

DOCS = Path(__file__).parents[2] / "docs"
PAGES = ("concurrency.md", "singletons.md", "timeouts.md", "rates.md", "order.md")
DATA = {"reportId": "r1", "userId": "u1"}


@pytest.mark.parametrize("page", PAGES)
def test_the_example_of_a_page_is_registered_and_runs(page: str) -> None:
    [code] = re.findall(r"```python\n(.*?)```", (DOCS / page).read_text(), re.DOTALL)
    names: dict[str, object] = {}
    exec(compile(code, page, "exec"), names)
    [declared] = [each for each in names.values() if isinstance(each, Function)]
    Registry([declared], check_expression=check_expression)
    assert run_function(declared, Event(declared.trigger or "", DATA)).status == "completed"
