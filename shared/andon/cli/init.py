"""`andon init`: the files that a project of one's own begins with."""

import keyword
import re
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from string import Template
from typing import Annotated

import typer

from andon.cli.terminal.errors import CommandFailed, Exit

IGNORED = ("# Andon's own stores and files", ".andon/")


def init(
    package: Annotated[str | None, typer.Argument(help="Their package; by default the folder's name.")] = None,
) -> None:
    """Write a module with a function, its test, a compose file with stores, and lines of .gitignore, into this folder.

    Nothing that is there is overwritten: it is named, and then nothing is written at all.
    """
    folder = Path.cwd()
    name = package or re.sub(r"\W+", "_", folder.name).strip("_").lower()
    if not name.isidentifier() or keyword.iskeyword(name):
        raise CommandFailed(f"{name!r} can't be a package's name: say one, as in `andon init shop`", Exit.USAGE)
    written = write_project(folder, name)
    for path in written:
        typer.echo(f"wrote {path}")
    first = "" if find_spec("pytest") else "  pip install pytest\n"
    typer.echo(f"\nNext:\n{first}  python -m pytest\n  andon dev -f {name}.functions\n")
    typer.echo("""And in another terminal, while it runs:
  andon events send import/requested '{"importId": "i1", "pages": 30}' --wait
  andon events send import/cancelled '{"importId": "i1"}'""")


def write_project(folder: Path, name: str) -> list[Path]:
    """Write the files, and return their paths in `folder`; raises `CommandFailed` if one is there."""
    made = {
        Path(name, "__init__.py"): "",
        Path(name, "functions.py"): _filled("functions.py", name),
        Path("tests", "test_functions.py"): _filled("test_functions.py", name),
        Path("compose.yaml"): _filled("compose.yaml", name),
    }
    if not (folder / "tests").exists():
        made[Path("tests", "__init__.py")] = ""  # so that `pytest`, too, finds the package beside them
    there = [str(path) for path, text in made.items() if text and (folder / path).exists()]
    if there:
        are = "is" if len(there) == 1 else "are"
        raise CommandFailed(f"{', '.join(there)} {are} there already; nothing was written", Exit.CONFLICT)
    for path, text in made.items():
        if not (folder / path).exists():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text)
    _ignore(folder / ".gitignore")
    return [*(path for path, text in made.items() if text), Path(".gitignore")]


def _filled(file: str, name: str) -> str:
    text = (files("andon.cli") / "project" / f"{file}.txt").read_text()
    return Template(text).substitute(package=name)


def _ignore(file: Path) -> None:
    before = file.read_text() if file.exists() else ""
    if IGNORED[1] in before.splitlines():
        return
    gap = "" if not before or before.endswith("\n") else "\n"
    file.write_text(before + gap + "\n".join(IGNORED) + "\n")
