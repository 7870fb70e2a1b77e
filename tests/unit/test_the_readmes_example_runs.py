"""The README's function, as it stands there."""

import re
import sys
from importlib import import_module
from pathlib import Path

import pytest

from andon import Event
from andon.engine.declared.functions import Registry
from andon.testing import ManualCancelCheck, run_function

README = (Path(__file__).parents[2] / "README.md").read_text()
[CODE] = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def test_it_is_declared_and_stops_where_it_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "newsletters.py").write_text(CODE)
    monkeypatch.syspath_prepend(tmp_path)
    module = import_module("newsletters")
    try:
        Registry([module.send_newsletter])
        event = Event("newsletter/send.requested", {"newsletterId": "n1"})
        ended = run_function(module.send_newsletter, event, cancel_check=ManualCancelCheck(at_check=3))
        assert (ended.status, [*ended.steps]) == ("cancelled", ["list-readers", "cool-off"])
    finally:
        del sys.modules["newsletters"]
