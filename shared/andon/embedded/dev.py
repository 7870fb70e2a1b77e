"""All of Andon on one machine: `andon dev`."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx

from andon.embedded.children import leftovers
from andon.embedded.children.child import Child
from andon.embedded.children.spawn import spawn
from andon.embedded.children.stopping import StopRequested, StopSignals
from andon.embedded.console import Console
from andon.embedded.errors import EmbeddedError
from andon.embedded.home import env_file, locked_home, remember_own, without_own
from andon.embedded.modules import Modules, Saves, wait_for_good
from andon.embedded.ports import free_port, require_free
from andon.embedded.sample import load_sample
from andon.embedded.stores.postgres import PostgresServer
from andon.embedded.stores.redis import RedisServer
from andon.embedded.stores.server import Server
from andon.embedded.supervisor import PATIENCE_SECONDS, Supervisor
from andon.extras import require_extra
from andon.settings import Settings

MARK = "ANDON_SUPERVISED_FOR"
RELOAD = signal.SIGUSR1
STEP_GRACE_SECONDS = "0.5"
"""Who saves a file, or presses Ctrl-C, doesn't want to wait for a step."""
SHIPPED_FUNCTIONS = "andon_worker.functions"
PROCESSES = {"api": "andon_api", "dispatcher": "andon_worker.dispatcher", "worker": "andon_worker"}


@dataclass(frozen=True)
class Stores:
    """Where the two stores are, and the servers of those that are embedded."""

    database_url: str
    redis_url: str
    servers: tuple[Server, ...]

    @property
    def program_folders(self) -> list[Path]:
        """Where `psql` and `redis-cli` are."""
        return [server.programs for server in self.servers]


def run_dev(env: Mapping[str, str], console: Console, functions: Sequence[str]) -> None:
    """Start the stores, migrate, start every process, and keep them running until a signal asks to stop.

    They serve the modules `functions` and those that `ANDON_FUNCTIONS` names. Leaves no process behind. Raises
    `EmbeddedError`, or `MissingExtra`, with a sentence when it can't start.
    """
    settings = Settings.from_env(env)
    modules = modules_of(functions, env)
    for extra in ("api", "worker", "local"):
        require_extra(extra, "`andon dev`", install="local")
    with StopSignals() as signals, suppress(StopRequested), locked_home(settings.home) as home:
        end_former(home)
        env = without_own(home, env)
        port = settings.port or free_port(settings.host)
        require_free(settings.host, port)
        url = f"http://{_reachable(settings.host)}:{port}"
        console.say(f"starting the stores under {home}")
        with running_stores(env, home, console) as stores, nothing_left(home, signals):
            remember_own(home, [server.url for server in stores.servers])
            child_env = environment(env, settings, home, stores, port, modules)
            console.say("bringing the database to this version's schema")
            migrate(child_env)
            with env_file(home, exports(url, child_env), stores.program_folders):
                supervisor = supervise(stores, child_env, console, signals, settings.shutdown_seconds)
                run_until_stopped(
                    supervisor, url, console, Modules(modules, child_env, console), keys=settings.requires_keys
                )
    console.say("stopped; the next start finds its data")


def supervise(
    stores: Stores, env: Mapping[str, str], console: Console, signals: StopSignals, shutdown_seconds: float
) -> Supervisor:
    """The supervisor of api, dispatcher and worker, and of the embedded stores."""
    others = {name: value for name, value in env.items() if name != "ANDON_SECRET_KEY"}  # user code could read it
    children = [
        Child(name, [sys.executable, "-m", module], env if name == "api" else others, console)
        for name, module in PROCESSES.items()
    ]
    return Supervisor(children, stores.servers, console, signals, shutdown_seconds)


def modules_of(named: Sequence[str], env: Mapping[str, str]) -> tuple[str, ...]:
    """The modules to serve, each once; raises `EmbeddedError` where none is named, or what can be none."""
    given = Settings.from_env(env).functions if env.get("ANDON_FUNCTIONS") else ()
    modules = tuple(dict.fromkeys((*named, *given)))
    if not modules:
        raise EmbeddedError(
            "Name the module of your functions: `andon dev -f yourpkg.functions`. `andon init` writes one to begin"
            f" with; the report that ships is `-f {SHIPPED_FUNCTIONS}`."
        )
    for module in modules:
        if not all(part.isidentifier() for part in module.split(".")) or module.endswith(".py"):
            guess = module.removesuffix(".py").strip("./").replace("/", ".")
            raise EmbeddedError(f"{module!r} is no name of a module: is it `-f {guess}`?")
    return modules


def run_until_stopped(supervisor: Supervisor, url: str, console: Console, modules: Modules, *, keys: bool) -> None:
    """Run the processes, say when they are ready, and take over what is saved; ends with `StopRequested`.

    `keys` says whether callers of the API need one.
    """
    saves = Saves([Path.cwd()])
    saves.start()
    console.say(f"importing {', '.join(modules.names)}")
    wait_for_good(modules, saves, console, supervisor.rest)
    console.say(f"starting {', '.join(PROCESSES)}")
    with supervisor:
        supervisor.tend_until(partial(ready, url))
        if SHIPPED_FUNCTIONS in modules.names:
            offer_sample(url, console, keys=keys)
        console.say(f"ready: {url} · {modules.described()}")
        while True:
            supervisor.tend_until(saves.waiting)
            take_over(supervisor, modules, saves, console)


def take_over(supervisor: Supervisor, modules: Modules, saves: Saves, console: Console) -> None:
    """Serve the modules as they are now, if they can be: the worker reloads them, its runs go on in new lanes."""
    before, files = modules.declared, saves.take()
    shown = ", ".join(files[:3]) + (f" and {len(files) - 3} more" if len(files) > 3 else "")
    if not modules.check(saves.waiting):
        if saves.waiting():
            return
        console.say(f"{shown}: what was served before goes on until the next save")
        return
    if modules.declared != before:
        supervisor.child("dispatcher").renew()
    supervisor.child("worker").signal(RELOAD)
    console.say(f"{shown}: taken over · {modules.described()}")


@contextmanager
def nothing_left(home: Path, signals: StopSignals) -> Iterator[None]:
    """At the end, end what the children left of theirs, uninterrupted by a late signal."""
    try:
        yield
    finally:
        signals.begin_stop()
        end_former(home)


@contextmanager
def running_stores(env: Mapping[str, str], home: Path, console: Console) -> Iterator[Stores]:
    """The stores that `env` names; embedded ones in place of those it doesn't name."""
    with ExitStack() as stack:
        servers: list[Server] = []
        if not (database_url := env.get("ANDON_DATABASE_URL")):
            servers.append(stack.enter_context(PostgresServer(home / "postgres")))
            database_url = servers[-1].url
        if not (redis_url := env.get("ANDON_REDIS_URL")):
            servers.append(stack.enter_context(RedisServer(home / "redis")))
            redis_url = servers[-1].url
        try:
            yield Stores(database_url, redis_url, tuple(servers))
        finally:
            for server in servers:  # they end beside each other
                server.ask_to_stop()
            say_what_lasts(servers, console)


def say_what_lasts(servers: Sequence[Server], console: Console) -> None:
    """Name the stores that haven't ended a moment later: PostgreSQL writes what it holds to its files first."""
    patience = time.monotonic() + PATIENCE_SECONDS
    while (names := [each.program for each in servers if each.running]) and time.monotonic() < patience:
        time.sleep(0.02)
    if names:
        console.say(f"waiting for {' and '.join(names)} to write what is in memory")


def environment(
    env: Mapping[str, str], settings: Settings, home: Path, stores: Stores, port: int, modules: Sequence[str]
) -> dict[str, str]:
    """What the child processes get."""
    python_path = [str(Path.cwd()), *filter(None, [env.get("PYTHONPATH")])]
    return {
        **env,
        "ANDON_DATABASE_URL": stores.database_url,
        "ANDON_REDIS_URL": stores.redis_url,
        "ANDON_STORAGE_URL": env.get("ANDON_STORAGE_URL") or f"file://{home}/artifacts",
        "ANDON_FUNCTIONS": ",".join(modules),
        "ANDON_HOME": str(home),
        "ANDON_ACCESS_LOG": env.get("ANDON_ACCESS_LOG") or "off",  # the console alone asks every two seconds
        "ANDON_STEP_LOG": env.get("ANDON_STEP_LOG") or "on",
        "ANDON_STEP_GRACE_SECONDS": env.get("ANDON_STEP_GRACE_SECONDS") or STEP_GRACE_SECONDS,
        **terminal(settings),
        "ANDON_HOST": settings.host,
        "PORT": str(port),
        "PYTHONPATH": os.pathsep.join(python_path),
        "PYTHONUNBUFFERED": "1",
        MARK: str(home),
    }


def terminal(settings: Settings) -> dict[str, str]:
    """For runs in the foreground (`ANDON_LANES=0`): the terminal that this process has, if it has one."""
    try:
        return {"ANDON_TERMINAL": os.ttyname(0)} if settings.lanes == 0 else {}
    except OSError:
        raise EmbeddedError("ANDON_LANES=0 runs functions at the terminal, and there is none: unset it.") from None


def exports(url: str, env: Mapping[str, str]) -> dict[str, str]:
    """What people and other producers need to reach the system whose processes have `env`."""
    names = ("ANDON_DATABASE_URL", "ANDON_REDIS_URL", "ANDON_STORAGE_URL", "ANDON_HOME")
    return {"ANDON_URL": url, **{name: env[name] for name in names}}


def migrate(env: Mapping[str, str]) -> None:
    """Bring the database to this version's schema."""
    process = spawn([sys.executable, "-m", "andon.migrations"], env=env, output=subprocess.PIPE)
    said, _ = process.communicate()
    if process.returncode != 0:
        words = said.decode(errors="replace").strip().splitlines()
        raise EmbeddedError(f"The database could not be migrated: {words[-1] if words else 'no reason given'}")


def ready(url: str) -> bool:
    """Whether the API says that it can serve. Plain HTTP on this machine: no proxy, no certificates to read."""
    try:
        return httpx.get(f"{url}/readyz", timeout=2, trust_env=False, verify=False).is_success
    except httpx.HTTPError:
        return False


def offer_sample(url: str, console: Console, *, keys: bool) -> None:
    """Load the sample into an empty system; going on without it is better than not starting.

    Where callers need `keys`, each dataset is a tenant's, and none is named here.
    """
    if keys:
        console.say("no sample dataset is loaded: callers need keys (ANDON_AUTH), and it would be no tenant's")
        return
    try:
        for name in load_sample(url):
            console.say(f"loaded the sample dataset {name}")
    except httpx.HTTPError as error:
        reason, _, _ = str(error).partition("\n")
        console.say(f"the sample dataset could not be loaded: {reason}")


def end_former(home: Path) -> None:
    """End processes that an earlier `andon dev` on this home left, or that its children left."""
    find = partial(leftovers.processes_marked, f"{MARK}={home}")
    leftovers.end(find, polite=signal.SIGTERM, patience=5)


def _reachable(host: str) -> str:
    """An address that a client on this machine can use for `host`."""
    if host in ("0.0.0.0", "::", ""):
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host
