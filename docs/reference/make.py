"""Make the pages of docs/reference from the docstrings of the public modules: `python docs/reference/make.py`."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, get_args, get_origin, is_typeddict

FOLDER = Path(__file__).parent
PAGES = {"functions.md": "andon", "testing.md": "andon.testing", "client.md": "andon.client"}
# Nobody makes these: a handler is given its Step, `@function` makes a Function, calls of the client return the rest.
GIVEN = {"Step", "Function"}
# What everything that the client shows has: told once, of the client.
EACH_HAS = {"raw", "etag"}
# What the engine calls, and no function.
INNER = {"Step.finish", "Step.raise_if_stopped", "Function.check", "CancelOn.check", "CancelOn.value", "CancelOn.wide"}


def page(name: str) -> str:
    """The reference of the module `name`, as Markdown."""
    module = import_module(name)
    lines = [f"# `{name}`", "", "<!-- Made by `python docs/reference/make.py`; don't edit. -->", "", _doc(module)]
    for each in _public(module):
        thing = getattr(module, each)
        lines += ["", *(_choice(each, thing) if get_origin(thing) is Literal else _entry(each, thing, "##"))]
    if name == "andon.client":
        lines += ["", *_parts(module.Andon)]
    return "\n".join(lines).rstrip() + "\n"


def _public(module: ModuleType) -> list[str]:
    """What the module offers: its `__all__`, or what was defined in it, in the order of the file."""
    named = getattr(module, "__all__", None)
    if named is not None:
        return list(named)
    own = [name for name, value in vars(module).items() if getattr(value, "__module__", None) == module.__name__]
    return [name for name in own if not name.startswith("_")]


def _parts(client: type) -> Iterator[str]:
    """The groups of calls that the client has as attributes."""
    made = client("http://127.0.0.1")
    for name, part in vars(made).items():
        if name[0] != "_" and not isinstance(part, str):
            yield from _entry(f"Andon.{name}", type(part), "##", made=False)
            yield ""


def _choice(name: str, thing: Any) -> Iterator[str]:
    """A name for some texts, and which."""
    yield from (f"## `{name}`", "", "One of " + ", ".join(f"`{each}`" for each in get_args(thing)) + ".")


def _entry(name: str, thing: Any, level: str, *, made: bool = True) -> Iterator[str]:
    """A heading with the signature, what the docstring says, and the members of a class."""
    if not inspect.isclass(thing):
        yield from (f"{level} `{name}{_signature(thing)}`", "", _doc(thing))
        return
    resource = dataclasses.is_dataclass(thing) and "raw" in {each.name for each in dataclasses.fields(thing)}
    own = "__init__" in vars(thing) or dataclasses.is_dataclass(thing)
    shown = made and own and not resource and name not in GIVEN
    yield from (f"{level} `{name}{_signature(thing) if shown else ''}`", "", _doc(thing))
    if resource:
        named = {each.name: each.type for each in dataclasses.fields(thing) if each.name not in EACH_HAS}
        yield from ("", *(f"- `{each}: {kind}`" for each, kind in named.items()))
    if is_typeddict(thing):
        yield from ("", *(f"- `{each}: {kind.__forward_arg__}`" for each, kind in thing.__annotations__.items()))
    for key, member in vars(thing).items():
        if key[0] == "_" or f"{name}.{key}" in INNER or not inspect.getdoc(member):
            continue
        if isinstance(member, property):
            yield from ("", f"{level}# `{key}: {_returned(member.fget)}`", "", _doc(member))
        elif inspect.isfunction(inspect.unwrap(_plain(member))):
            yield from ("", f"{level}# `{key}{_signature(_plain(member))}`", "", _doc(_plain(member)))


def _plain(member: Any) -> Any:
    return getattr(member, "__func__", member)  # of a class method


def _signature(thing: Any) -> str:
    signature = inspect.signature(thing)
    kept = [
        each.replace(annotation=_Bare(each.annotation))
        for each in signature.parameters.values()
        if each.name not in ("self", "cls")
    ]
    returned = _Bare(signature.return_annotation)
    return str(signature.replace(parameters=kept, return_annotation=returned)).removesuffix(" -> None")


class _Bare(str):
    """An annotation as it stands in the file, shown without quotes."""

    def __repr__(self) -> str:
        return str(self)


def _returned(getter: Any) -> str:
    return str(inspect.signature(getter).return_annotation).strip("'")


def _doc(thing: Any) -> str:
    return inspect.getdoc(thing) or ""


if __name__ == "__main__":
    for file, module_name in PAGES.items():
        (FOLDER / file).write_text(page(module_name))
