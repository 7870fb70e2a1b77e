"""The `andon` command."""

from __future__ import annotations

import sys

from andon.cli.terminal.errors import report_errors


def main() -> None:
    """Run the command that the process's arguments name, and exit with its code."""
    from andon.cli.app import app

    with report_errors(sys.stderr):
        app(prog_name="andon")


__all__ = ["main"]
