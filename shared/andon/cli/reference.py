"""The reference in docs/cli.md, made from the commands themselves: `python -m andon.cli.reference docs/cli.md`."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from andon.cli.app import app

MARK = "<!-- What follows is made by `python -m andon.cli.reference docs/cli.md`. -->\n"


def reference() -> str:
    """Every command with its arguments and options, as Markdown."""
    root = typer.main.get_command(app)
    return "\n".join(section for command, path in _leaves(root, "andon") for section in _section(command, path))


def renewed(document: str) -> str:
    """The document with the part after the mark made anew; raises `ValueError` if it has no mark."""
    kept, mark, _ = document.partition(MARK)
    if not mark:
        raise ValueError(f"expected a line {MARK!r}")
    return f"{kept}{MARK}\n{reference()}"


def _leaves(command: Any, path: str) -> Iterator[tuple[Any, str]]:
    """The commands that do something, in the order of `--help`."""
    commands = getattr(command, "commands", None)
    if commands is None:
        yield command, path
        return
    for name, inner in commands.items():
        yield from _leaves(inner, f"{path} {name}")


def _section(command: Any, path: str) -> Iterator[str]:
    shown = [each for each in command.params if not getattr(each, "hidden", False) and each.name != "help"]
    arguments = [each for each in shown if each.param_type_name == "argument"]
    names = "".join(f" {_argument(each)}" for each in arguments)
    yield f"### `{path}{names}`\n"
    yield f"{' '.join((command.help or '').split())}\n"
    rows = [(f"`{_argument(each)}`", each) for each in arguments]
    rows += [(_option(each), each) for each in shown if each not in arguments]
    if rows:
        yield "| | |\n|---|---|"
        for label, each in rows:
            yield f"| {label} | {_meaning(each)} |"
        yield ""


def _argument(param: Any) -> str:
    name = str(param.metavar or param.name.upper()).strip("[]")
    name += "..." if param.nargs == -1 else ""
    return name if param.required else f"[{name}]"


def _option(param: Any) -> str:
    flags = ", ".join(f"`{each}`" for each in param.opts)
    return flags if param.is_flag else f"{flags} {param.metavar or param.name.upper()}"


def _meaning(param: Any) -> str:
    said = " ".join((getattr(param, "help", None) or "").split())
    default = param.default
    if isinstance(default, (str, int)) and not isinstance(default, bool) and not param.required:
        said += f" Default: `{default}`."
    return said.strip().replace("|", "\\|")


if __name__ == "__main__":
    file = Path(sys.argv[1])
    file.write_text(renewed(file.read_text()))
