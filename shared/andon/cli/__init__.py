"""The `andon` command."""

import gc
import sys

from andon.cli.terminal.errors import report_errors


def main() -> None:
    """Run the command that the process's arguments name, and exit with its code."""
    gc.disable()  # what is imported is no garbage
    from andon.cli.app import app

    gc.freeze()
    gc.enable()
    with report_errors(sys.stderr):
        app(prog_name="andon")


__all__ = ["main"]
