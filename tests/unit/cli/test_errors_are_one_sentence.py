import io

import pytest

from andon.cli.terminal.errors import CommandFailed, report_errors
from andon.embedded import EmbeddedError
from andon.settings import Settings


def test_a_command_that_failed_says_why_and_exits_with_1() -> None:
    out = io.StringIO()
    with pytest.raises(SystemExit) as exit_, report_errors(out):
        raise CommandFailed("The report is not there.")
    assert exit_.value.code == 1
    assert out.getvalue() == "andon: The report is not there.\n"


def test_a_system_that_cannot_start_says_why_and_exits_with_1() -> None:
    out = io.StringIO()
    with pytest.raises(SystemExit) as exit_, report_errors(out):
        raise EmbeddedError("Port 1 is in use.")
    assert (exit_.value.code, out.getvalue()) == (1, "andon: Port 1 is in use.\n")


def test_a_setting_that_cannot_be_read_is_named_and_exits_with_2() -> None:
    out = io.StringIO()
    with pytest.raises(SystemExit) as exit_, report_errors(out):
        Settings.from_env({"PORT": "many"})
    assert exit_.value.code == 2
    assert out.getvalue() == "andon: PORT must be a whole number of at least 0, not 'many'\n"


def test_an_error_nobody_expected_keeps_its_traceback() -> None:
    with pytest.raises(ZeroDivisionError), report_errors(io.StringIO()):
        raise ZeroDivisionError
