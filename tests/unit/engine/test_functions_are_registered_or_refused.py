"""Registration: what a process takes, and errors that name the function."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import pytest

from andon import CancelOn, Event, Function, RegistrationError, Step, function
from andon.engine.declared.functions import Registry


def declare(id: str = "f", trigger: str = "report/generation.requested", **more: Any) -> Function:
    def handler(event: Event, step: Step) -> str:
        return f"{id} got {event.name}"

    return function(id=id, trigger=trigger, **more)(handler)


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    made = ModuleType("acme_reports")
    monkeypatch.setitem(sys.modules, "acme_reports", made)
    return made


def test_two_functions_with_one_id_are_refused_naming_both_modules() -> None:
    with pytest.raises(RegistrationError, match=f"'f' is registered twice: in {__name__} and {__name__}"):
        Registry([declare(), declare(trigger="other")])


def test_an_expression_that_does_not_parse_is_refused_with_the_parsers_words() -> None:
    def check(expression: str) -> None:
        raise ValueError("unexpected end")

    with pytest.raises(RegistrationError, match=r"function 'f' in .*: if_='a ==': unexpected end"):
        Registry([declare(cancel_on=[CancelOn("x", if_="a ==")])], check_expression=check)


def test_functions_are_found_by_id_trigger_and_cancel_event() -> None:
    rule = CancelOn("stop", match="data.id")
    first, second = declare("first", "go", cancel_on=[rule]), declare("second", "go")
    registry = Registry([first, second])
    assert (registry.get("first"), registry.get("none"), len(registry)) == (first, None, 2)
    assert registry.triggered_by("go") == [first, second]
    assert registry.triggered_by("stop") == []
    assert registry.cancelled_by("stop") == [("first", rule)]
    assert registry.cancelled_by("go") == []
    assert list(registry) == [first, second]


def test_a_module_is_loaded_with_each_function_once(module: ModuleType) -> None:
    vars(module).update(one=declare("one"), alias=None, two=declare("two"))
    vars(module)["alias"] = vars(module)["one"]
    registry = Registry.load(["acme_reports", "acme_reports"])
    assert [each.id for each in registry] == ["one", "two"]


@pytest.mark.parametrize("name", ["no_such_module", "andon.no_such_module", "no_such_package.functions"])
def test_a_module_that_is_not_there_is_named(name: str) -> None:
    with pytest.raises(RegistrationError, match=f"ANDON_FUNCTIONS names '{name}'$"):
        Registry.load([name])


def test_an_import_that_fails_inside_a_module_keeps_its_own_error(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "acme_broken.py").write_text("import no_such_dependency\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="no_such_dependency"):
        Registry.load(["acme_broken"])


def test_a_declared_function_can_still_be_called() -> None:
    step: Any = None
    assert declare("f")(Event("e"), step) == "f got e"
