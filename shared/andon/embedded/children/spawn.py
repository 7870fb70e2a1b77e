"""Start child processes that end with this one, however it ends."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from andon.embedded.children.accounts import Account

TETHER = Path(__file__).with_name("tether.py")


def spawn(
    command: Sequence[str],
    *,
    env: Mapping[str, str],
    output: IO[bytes] | int | None = None,
    errors: int = subprocess.STDOUT,
    cwd: Path | None = None,
    account: Account | None = None,
    end_signal: signal.Signals = signal.SIGTERM,
) -> subprocess.Popen[bytes]:
    """Start `command` in a process group of its own, so that Ctrl-C reaches this process alone.

    The first word of `command` is an absolute path. When the *thread* that calls this ends, the command gets
    `end_signal`: call it from one that lives as long as the command should, the main thread say.
    """
    identity = f"{account.uid}:{account.gid}:{int(account.reach)}" if account else "-"
    tether = [sys.executable, "-I", "-S", str(TETHER), str(os.getpid()), str(int(end_signal)), identity]
    return subprocess.Popen(
        [*tether, *command],
        env=dict(env),
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=errors if output is not None else None,
        process_group=0,
    )
