from pathlib import Path

import pytest
from typer.testing import CliRunner

from andon.cli.app import app
from andon.cli.reference import reference, renewed
from andon.cli.terminal.errors import Exit

PAGE = Path(__file__).parents[3] / "docs" / "cli.md"


def test_the_reference_is_what_the_commands_say() -> None:
    page = PAGE.read_text()
    assert renewed(page) == page, "run: python -m andon.cli.reference docs/cli.md"


def test_each_exit_code_is_told() -> None:
    page = PAGE.read_text()
    for code in Exit:
        assert f"\n| {code.value} | " in page


@pytest.mark.parametrize("group", ["reports", "datasets", "runs", "events", "keys"])
def test_each_command_of_help_is_in_the_reference(group: str) -> None:
    shown = CliRunner().invoke(app, [group, "--help"], env={"TERM": "dumb", "COLUMNS": "200"})
    assert shown.exit_code == 0
    listed = [line for line in reference().splitlines() if line.startswith(f"### `andon {group} ")]
    assert listed
    for line in listed:
        assert f" {line.split('`')[1].split()[2]} " in shown.output
