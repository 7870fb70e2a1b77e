"""The manifests' and the compose file's own commands and environment, as plain processes.

Where this runs as root on Linux they get what a pod gives them: an account without rights, a root that can't be
written, and an empty /tmp; where that can't be had, as much of it as can.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml  # type: ignore[import-untyped]

from andon.embedded import PostgresServer
from andon.embedded.children.spawn import spawn
from andon.embedded.ports import free_port
from tests.support.polling import wait_until
from tests.unit.deploy.conftest import DEPLOY, documents, literals, pod_spec

pytestmark = pytest.mark.slow

Commands = dict[str, tuple[list[str], dict[str, str]]]
CSV = b"day,region,amount\n" + b"".join(b"2026-01-%02d,north,%d\n" % (day, day * 3) for day in range(1, 29))
PROCESSES = ("api", "dispatcher", "worker")
NOBODY = 65534
ANDON = str(Path(sys.executable).with_name("andon"))
READ_ONLY = """
mount --bind "$WRITABLE" "$WRITABLE" && mount -t tmpfs -o mode=1777 tmpfs /tmp && mount -o remount,bind,ro / &&
exec "$@"
"""
WITHOUT_RIGHTS = f"--reuid {NOBODY} --regid {NOBODY} --clear-groups --no-new-privs --bounding-set=-all".split()


def of_the_manifests() -> Commands:
    settings = literals(DEPLOY / "kustomize" / "base" / "kustomization.yaml")
    found = {}
    for _, manifest in documents(DEPLOY / "kustomize" / "base"):
        for container in (pod_spec(manifest) or {}).get("containers", []):
            own = {each["name"]: each["value"] for each in container.get("env", [])}
            found[container["name"]] = (container["args"], {**settings, **own})
    return found


def of_compose() -> Commands:
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    return {name: (services[name]["command"], services[name]["environment"]) for name in ("migrate", *PROCESSES)}


def of_the_image() -> dict[str, str]:
    """The environment that both images set."""
    text = re.sub(r"\\\n\s*", "", (DEPLOY / "Dockerfile").read_text().split(" AS run\n")[1])
    pairs = [pair.split("=", 1) for line in re.findall(r"^ENV (.+)$", text, re.MULTILINE) for pair in line.split()]
    return {name: value for name, value in pairs if name != "PATH"}


@contextmanager
def writable_folder() -> Iterator[Path]:
    """A folder outside /tmp that the processes may write, whoever they are."""
    folder = Path(tempfile.mkdtemp(dir="/var/tmp"))
    folder.chmod(0o755)
    (folder / "storage").mkdir(mode=0o777)
    (folder / "storage").chmod(0o777)
    yield folder
    shutil.rmtree(folder)


def confinement(folder: Path) -> list[str]:
    """What to put before a command so that it runs as in a pod: as much of it as can be had here."""
    unshare, setpriv = shutil.which("unshare"), shutil.which("setpriv")
    if unshare is None or setpriv is None or os.geteuid() != 0 or sys.prefix.startswith("/tmp/"):
        return []
    read_only = [unshare, "--mount", "--propagation", "private", "sh", "-c", READ_ONLY, "sh"]
    env = {**os.environ, "WRITABLE": str(folder / "storage")}
    for prefix in ([*read_only, setpriv, *WITHOUT_RIGHTS], read_only):
        # An interpreter in root's home can't be run by anyone else.
        if subprocess.run([*prefix, ANDON, "version"], env=env, capture_output=True).returncode == 0:
            return prefix
    return []


class Plain:
    """The commands as processes on one machine: what differs is where the stores are and who listens where."""

    def __init__(self, commands: Commands, database_url: str, redis_url: str, folder: Path, stack: ExitStack) -> None:
        self._commands = commands
        self._folder = folder
        self._stack = stack
        self.confinement = confinement(folder)
        self.ports = {name: free_port() for name in PROCESSES}
        self._stores = {
            "ANDON_DATABASE_URL": database_url,
            "ANDON_REDIS_URL": redis_url,
            "ANDON_STORAGE_URL": f"file://{folder / 'storage'}",
            "ANDON_HOST": "127.0.0.1",
        }

    def start(self, name: str) -> subprocess.Popen[bytes]:
        arguments, settings = self._commands[name]
        port = str(self.ports.get(name, 0))
        given = {"PORT": port} if name == "api" else {"ANDON_HEALTH_PORT": port}
        env = {"PATH": os.environ["PATH"], "WRITABLE": str(self._folder / "storage")}
        env |= of_the_image() | settings | self._stores | given
        output = self._stack.enter_context((self._folder / f"{name}.log").open("wb"))
        process = spawn([*self.confinement, ANDON, *arguments], env=env, output=output)
        self._stack.callback(end, process)
        return process

    def log(self, name: str) -> str:
        return (self._folder / f"{name}.log").read_text()

    def ready(self, name: str) -> bool:
        try:
            answer = httpx.get(f"http://127.0.0.1:{self.ports[name]}/readyz", timeout=5, trust_env=False, verify=False)
        except httpx.HTTPError:
            return False
        return answer.is_success


def end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def generate_report(api: httpx.Client) -> dict[str, Any]:
    dataset = api.post("/datasets", files={"file": ("sales.csv", CSV, "text/csv")}).raise_for_status().json()
    body = {"title": "Sales", "datasetId": dataset["id"], "options": {"resamples": 10}}
    report = api.post("/reports", json=body).raise_for_status().json()
    api.post(f"/reports/{report['id']}/generate").raise_for_status()

    def settled() -> dict[str, Any] | None:
        found: dict[str, Any] = api.get(f"/reports/{report['id']}").raise_for_status().json()
        return None if found["status"] == "generating" else found

    return wait_until(settled, what="the report")


@pytest.mark.parametrize("commands", [of_the_manifests, of_compose])
def test_their_commands_start_a_system_that_makes_a_report(
    commands: Callable[[], Commands], redis_url: str, tmp_path: Path
) -> None:
    with ExitStack() as stack:
        folder = stack.enter_context(writable_folder())
        server = stack.enter_context(PostgresServer(tmp_path / "postgres"))
        plain = Plain(commands(), server.url, redis_url, folder, stack)
        assert plain.start("migrate").wait(60) == 0, plain.log("migrate")
        processes = {name: plain.start(name) for name in PROCESSES}
        for name, process in processes.items():
            wait_until(lambda: plain.ready(name) or process.poll() is not None, what=name)  # noqa: B023
            assert process.poll() is None, plain.log(name)
            if WITHOUT_RIGHTS[0] in plain.confinement:
                assert os.stat(f"/proc/{process.pid}").st_uid == NOBODY, name
        with httpx.Client(base_url=f"http://127.0.0.1:{plain.ports['api']}/api/v1", timeout=30, trust_env=False) as api:
            report = generate_report(api)
        assert report["status"] == "generated", plain.log("worker")
        assert {each["name"] for each in report["artifacts"]} == {"report.html", "report.pdf", "report.json"}
        for name, process in processes.items():
            process.terminate()
            assert process.wait(45) == 0, plain.log(name)
