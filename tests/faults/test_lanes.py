"""Rows 10, 35 and 36: how lanes die, what dies with them, and what a lane that is used again has kept."""

from __future__ import annotations

import json
import os
import random
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from andon.embedded import RedisServer
from andon_worker.linux import children, parents
from tests.faults.conftest import stage_in
from tests.support.polling import wait_until
from tests.support.scene import Scene

LANES = "tests.lane_functions"
FUNCTIONS = {"ANDON_FUNCTIONS": f"tests.functions,{LANES}"}
numbers = count(1)


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory, create_database: Any, redis_server: RedisServer) -> Iterator[Scene]:
    """One worker, so that what a run leaves is there for the next; it loses none for being slow."""
    with Redis.from_url(redis_server.url) as client:
        client.flushall()
    with ExitStack() as stack:
        stage = stage_in(tmp_path_factory.mktemp("lanes"), stack, create_database(), redis_server.url)
        yield stage(workers=1, env={**FUNCTIONS, "ANDON_LEASE_SECONDS": "30", "ANDON_TEST_SECRET": "s"})


def output(scene: Scene, name: str, tenant: str = "default", **data: Any) -> Any:
    """What a run of this function returned."""
    case = f"lane-{next(numbers)}"
    scene.xadd(name, {"case": case, **data}, tenant=tenant)
    run = scene.wait_run(case)
    assert run["status"] == "completed", run["error"]
    return run["output"]


CLEAN = {
    "token": False,
    "umask": 0o022,
    "limit": True,
    "core": True,
    "alarm": 0,
    "handler": True,
    "mask": [],
    "threads": 1,
    "files": [],
    "loggers": ["CaptureHandler"],
    "disabled": 0,
    "wakes": -1,
}
SAME = ("directory", "niceness", "zone", "numbers", "processors", "user")
LEFT = (
    "environment", "environment past os.environ", "directory", "umask", "soft limit", "hard limit", "alarm", "timer",
    "handler", "mask", "wake-up descriptor", "niceness", "time zone", "locale", "processors", "user", "thread",
    "program", "descriptor", "descriptors", "loggers", "output", "memory", "temporary file",
)  # fmt: skip


@pytest.mark.parametrize("what", LEFT)
def test_36_a_run_finds_nothing_of_the_one_before(scene: Scene, what: str) -> None:
    before = output(scene, "lane/leave", what="look")
    output(scene, "lane/leave", what=what)
    after = output(scene, "lane/leave", what="look")
    assert {name: after[name] for name in CLEAN} == CLEAN
    assert {name: after[name] for name in SAME} == {name: before[name] for name in SAME}
    assert not [pid for pid, parent in parents().items() if parent == after["pid"]]


def test_36_what_a_function_keeps_in_its_module_is_there_for_its_own_tenant_alone(scene: Scene) -> None:
    warm = output(scene, "lane/leave", what="cache")
    again = output(scene, "lane/leave", what="look")
    assert (again["pid"], again["cache"]) == (warm, ["warm"])
    other = output(scene, "lane/leave", tenant="other", what="look")
    assert other["cache"] == []
    assert other["pid"] != warm


def test_36_a_process_is_used_again_as_often_as_the_function_allows(scene: Scene) -> None:
    assert len({output(scene, "lane/once") for _ in range(4)}) == 4
    pids = [output(scene, "lane/thrice") for _ in range(6)]
    assert pids == [pids[0]] * 3 + [pids[3]] * 3
    assert pids[0] != pids[3]


@pytest.mark.parametrize(("what", "stays"), [("deaf task", False), ("thread", False), ("polite task", True)])
def test_36_async_code_that_goes_on_behind_its_handler_ends_with_its_run(scene: Scene, what: str, stays: bool) -> None:
    pid = output(scene, "lane/goes-on", what=what)
    assert (output(scene, "lane/goes-on", what="nothing") == pid) is stays
    assert stays or pid not in parents()


WORDS = {
    "segfault": "The process of step 'die' died by signal SIGSEGV",
    "exit": "The process of step 'die' ended with exit code 7",
    "kill": "The process of step 'die' died by signal SIGKILL (out of memory?)",
    "abort": "The process of step 'die' died by signal SIGABRT",
    "memory": "The process of step 'die' was ended: it used more than 256 MiB of memory",
    "broken talk": "The process of step 'die' was ended: its process broke the conversation with its worker",
}


@pytest.mark.parametrize("how", WORDS)
def test_10_a_step_that_ends_its_process_fails_like_any_other_and_says_how(scene: Scene, how: str) -> None:
    case = f"die-{next(numbers)}"
    scene.xadd("lane/die", {"case": case, "how": how})
    run = scene.wait_run(case)
    assert (run["status"], run["output"]) == ("completed", f"FAILED: {WORDS[how]}")
    assert len(scene.ledger.begins(case, "die")) == 2
    [step] = scene.steps(run["id"])
    assert (step["status"], step["attempt"], step["error"]["type"]) == ("failed", 2, "ProcessDied")
    assert run["lost"] == 0


@pytest.mark.parametrize("how", ["fork and return", "children that come back"])
def test_35_what_a_step_forks_and_lets_return_is_not_the_run(scene: Scene, how: str) -> None:
    case = f"fork-{next(numbers)}"
    scene.xadd("lane/fork", {"case": case, "how": how})
    run = scene.wait_run(case)
    assert (run["status"], run["output"], run["fence"]) == ("completed", "lived", 1)


def test_10_a_handler_that_ends_its_process_between_steps_is_tried_again_and_then_fails(scene: Scene) -> None:
    case = f"between-{next(numbers)}"
    scene.xadd("lane/die", {"case": case, "how": "exit", "between": True})
    run = scene.wait_run(case)
    assert (run["status"], run["error"]["message"]) == ("failed", "The process of the run ended with exit code 7")
    assert scene.ledger.steps(case) == ["first", "between", "between"]


@pytest.mark.parametrize("deaf", [False, True])
def test_a_step_that_takes_too_long_is_stopped_and_its_handler_hears_of_it(scene: Scene, deaf: bool) -> None:
    assert output(scene, "lane/timed", deaf=deaf) == "StepTimeout: Step 'slow' took longer than 0.3 s"


def test_an_async_handler_awaits_its_steps_sleeps_and_is_cancelled(scene: Scene) -> None:
    assert output(scene, "lane/async") == [8, 3]
    case = f"async-{next(numbers)}"
    scene.xadd("lane/async", {"case": case, "hang": True})
    scene.wait_step(case, "hang")
    scene.post("lane/async.cancelled", {"case": case})
    assert scene.wait_run(case)["status"] == "cancelled"


def test_what_a_run_says_is_kept_by_line_with_its_step_and_attempt(scene: Scene) -> None:
    case = f"talk-{next(numbers)}"
    scene.xadd("lane/talk", {"case": case})
    run = scene.wait_run(case)
    assert run["status"] == "failed"
    assert run["error"]["type"] == "OddError"

    def said() -> list[tuple[Any, ...]]:
        lines = scene.api.get(f"/runs/{run['id']}/logs").json()["items"]
        return [(line["step"], line["attempt"], line["stream"], line["text"]) for line in lines]

    wait_until(lambda: len(said()) >= 18, what="all that was said")
    of_step = [(stream, text) for step, attempt, stream, text in said() if (step, attempt) == ("talk", 1)]
    assert ("log", "a warning with 7") in of_step
    assert ("log", "structured") in of_step
    printed = [text for stream, text in of_step if stream == "stdout"]
    assert printed[:5] == ["a print", "no end of line", "progress 2", "from a program", "line 0"]
    assert ("stderr", "straight to the descriptor") in of_step
    assert not [text for _, text in of_step if "chatter" in text]
    assert any((step, text) == (None, "between steps") for step, _, _, text in said())
    assert {attempt for step, attempt, _, _ in said() if step} == {1, 2}


def test_what_a_run_says_without_end_is_cut_in_the_middle(scene: Scene) -> None:
    case = f"talk-{next(numbers)}"
    scene.xadd("lane/talk", {"case": case, "lines": 14_545})
    run = scene.wait_run(case)

    def said() -> list[str]:
        text = scene.api.get(f"/runs/{run['id']}/logs/download?step=talk&format=json").text
        return [json.loads(line)["text"] for line in text.splitlines()]

    try:
        wait_until(lambda: said()[-1:] == ["line 14544"], what="the last line")
    except AssertionError as error:
        error.add_note(f"{run['status']}: {said()[-3:]}")
        raise
    [cut] = [text for text in said() if text.startswith("… ")]
    more = int(cut.split()[1].replace(",", ""))
    assert len(said()) == 2_201
    assert more + len(said()) - 1 == 14_545 + 7


def test_35_a_lane_killed_at_any_moment_leaves_its_worker_as_it_was(scene: Scene) -> None:
    random.seed(35)
    cases = [f"walk-{next(numbers)}" for _ in range(12)]
    for case in cases:
        scene.request(case, plan={f"step-{number}": {"seconds": 0.05} for number in range(1, 7)})
    nursery = _nursery(scene)
    for _ in range(10):
        lanes = children(nursery)
        if lanes:
            os.kill(random.choice(lanes), signal.SIGKILL)
        wait_until(lambda: len(children(nursery)) >= 2, what="lanes in the place of the killed one")
    for case in cases:
        assert scene.wait_run(case)["status"] in {"completed", "failed"}
    assert scene.system["worker-1"].running
    assert _nursery(scene) == nursery


def test_35_a_thousand_runs_leave_no_descriptor_and_no_process(scene: Scene) -> None:
    def open_files() -> tuple[int, int]:
        supervisor = scene.system["worker-1"].pid
        return tuple(len(os.listdir(f"/proc/{pid}/fd")) for pid in (supervisor, _nursery(scene)))  # type: ignore[return-value]

    output(scene, "lane/once")
    scene.wait_quiet()
    before = open_files()
    cases = [f"many-{next(numbers)}" for _ in range(1000)]
    for case in cases:
        scene.xadd("lane/once", {"case": case})
    scene.wait_run(cases[-1], timeout=120)
    scene.wait_quiet(timeout=120)

    def few() -> bool:
        return all(now <= then + 24 for now, then in zip(open_files(), before, strict=True))

    wait_until(few, what="few files")
    wait_until(lambda: len(children(_nursery(scene))) <= 16, what="few lanes")


def _nursery(scene: Scene) -> int:
    [nursery] = children(scene.system["worker-1"].pid)
    return nursery


def test_35_programs_of_a_run_have_its_folder_and_the_folder_goes_with_it(scene: Scene) -> None:
    case = f"hold-{next(numbers)}"
    scene.xadd("lane/hold", {"case": case})
    scene.wait_step(case, "hold")
    pid = int(scene.ledger.steps(f"{case}.pids")[0])
    entries = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    [folder] = [Path(os.fsdecode(each[7:])) for each in entries if each.startswith(b"TMPDIR=")]
    (folder / "left").write_text("something")
    scene.post("lane/hold.cancelled", {"case": case})
    scene.wait_run(case)
    wait_until(lambda: not folder.exists(), what=f"{folder} to be removed")
