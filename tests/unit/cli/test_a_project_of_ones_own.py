import subprocess
import sys
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]
from typer.testing import CliRunner, Result

from andon.cli.app import app
from andon.cli.init import write_project
from andon.cli.terminal.errors import CommandFailed
from andon.embedded.dev import modules_of
from andon.embedded.errors import EmbeddedError
from andon.extras import MissingExtra, require_extra


def init(folder: Path, monkeypatch: pytest.MonkeyPatch, *words: str) -> Result:
    monkeypatch.chdir(folder)
    return CliRunner().invoke(app, ["init", *words])


def test_what_init_writes_passes_its_own_test_however_pytest_is_called(tmp_path: Path) -> None:
    write_project(tmp_path, "shop")
    words = [sys.executable, "-P", "-m", "pytest", "-q", "-p", "no:cacheprovider"]  # -P: as the bare command `pytest`
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout
    compose = yaml.safe_load((tmp_path / "compose.yaml").read_text())
    assert {*compose["services"]} == {"postgres", "redis"}


def test_init_names_the_package_after_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "My-Shop"
    folder.mkdir()
    assert "andon dev -f my_shop.functions" in init(folder, monkeypatch).output
    assert (folder / "my_shop" / "functions.py").is_file()


def test_init_overwrites_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "compose.yaml").write_text("mine")
    (tmp_path / ".gitignore").write_text("*.log")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CommandFailed, match=r"compose\.yaml is there already; nothing was written"):
        write_project(tmp_path, "shop")
    assert {each.name for each in tmp_path.iterdir()} == {"compose.yaml", ".gitignore"}


def test_init_leaves_a_folder_of_tests_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    write_project(tmp_path, "shop")
    assert [each.name for each in (tmp_path / "tests").iterdir()] == ["test_functions.py"]


def test_init_adds_to_a_gitignore_once(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("*.log")
    write_project(tmp_path, "shop")
    assert (tmp_path / ".gitignore").read_text().splitlines() == ["*.log", "# Andon's own stores and files", ".andon/"]
    for path in ("shop/functions.py", "tests/test_functions.py", "compose.yaml"):
        (tmp_path / path).unlink()
    write_project(tmp_path, "shop")
    assert (tmp_path / ".gitignore").read_text().count(".andon/") == 1


def test_modules_come_from_the_command_and_the_environment() -> None:
    assert modules_of(["shop.functions"], {"ANDON_FUNCTIONS": "other,shop.functions"}) == ("shop.functions", "other")


@pytest.mark.parametrize(
    ("named", "told"),
    [([], "andon dev -f yourpkg.functions"), (["./shop/functions.py"], "is it `-f shop.functions`?")],
)
def test_what_names_no_module_is_refused_in_a_sentence(named: list[str], told: str) -> None:
    with pytest.raises(EmbeddedError) as refused:
        modules_of(named, {})
    assert told in str(refused.value)


def test_an_extra_that_is_there_is_no_error() -> None:
    require_extra("worker", "`andon worker`")


def test_a_missing_extra_is_one_sentence() -> None:
    with pytest.raises(MissingExtra, match=r"needs nothing-like-this: pip install 'andon\[worker\]'"):
        require_extra("worker", "`andon worker`", said=["nothing-like-this>=2; extra == 'worker'"])
