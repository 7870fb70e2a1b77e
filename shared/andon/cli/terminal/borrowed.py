"""A running system for one command: the one that is there, or one that lives as long as the command."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from andon.cli.terminal.errors import CommandFailed, Exit
from andon.cli.terminal.where import known_url
from andon.client import Andon
from andon.embedded.children.spawn import spawn
from andon.embedded.dev import SHIPPED_FUNCTIONS
from andon.embedded.home import read_env_file
from andon.settings import Settings

START_SECONDS = 120.0
STOP_SECONDS = 60.0


@contextmanager
def running_system(env: Mapping[str, str], say: Callable[[str], None]) -> Iterator[Andon]:
    """An API that is ready, for the `with` block."""
    with Andon(known_url(env), env.get("ANDON_API_KEY")) as andon:
        if andon.is_ready():
            yield andon
            return
    if env.get("ANDON_URL"):
        message = f"Nothing is ready at ANDON_URL {env['ANDON_URL']}: start it, or unset ANDON_URL."
        raise CommandFailed(message, Exit.UNREACHABLE)
    with own_system(env, say) as url, Andon(url, env.get("ANDON_API_KEY")) as andon:
        yield andon


@contextmanager
def own_system(env: Mapping[str, str], say: Callable[[str], None]) -> Iterator[str]:
    """`andon dev` as a child for the `with` block; yields its URL."""
    home = Settings.from_env(env).home.absolute()
    home.mkdir(parents=True, exist_ok=True)
    log = home / "demo.log"
    say(f"Nothing is running yet: starting Andon on {home}, its output in {log}")
    with log.open("wb") as output:
        command = [sys.executable, "-m", "andon.cli", "dev", "-f", SHIPPED_FUNCTIONS]
        process = spawn(command, env=env, output=output)
    try:
        deadline = time.monotonic() + START_SECONDS
        while b"ready: " not in log.read_bytes():
            if process.poll() is not None or time.monotonic() > deadline:
                last = log.read_text(errors="replace").strip().splitlines()[-1:]
                raise CommandFailed(f"Andon did not start: {last[0] if last else 'it said nothing'}")
            time.sleep(0.1)
        yield read_env_file(home)["ANDON_URL"]
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
