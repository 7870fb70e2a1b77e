"""What a function's module does at its import is felt by nobody but its own functions."""

from __future__ import annotations

import os
import signal
import threading
from functools import partial
from pathlib import Path

import pytest

from andon.engine.declared.declarations import Declaration
from andon_worker.linux import parents
from andon_worker.nursery import starting
from andon_worker.nursery.starting import Loading, declarations
from andon_worker.supervisor.hosting import nurseries
from andon_worker.supervisor.hosting.lanes import Lane, Lanes
from andon_worker.supervisor.hosting.loop import Loop
from andon_worker.supervisor.hosting.nurseries import NurseryClient
from tests.conftest import StartSystem
from tests.support.held import hold
from tests.support.polling import wait_until

GOOD = """
from andon import function
@function(id="{id}", trigger="{id}/requested")
def {id}(event, step):
    return step.run("pid", __import__("os").getpid)
"""
BAD = {
    "raises": ("raise ValueError('a typo')", "ValueError: a typo"),
    "exits": ("import sys; sys.exit(3)", "it calls sys.exit(3)"),
    "ends": ("import os; os._exit(4)", "its import ends the process (exit code 4)"),
    "dies": ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "its import ends the process (signal SIGSEGV)"),
    "syntax": ("def (", "SyntaxError"),
    "missing": ("import no_such_module_at_all", "No module named 'no_such_module_at_all'"),
    "recursion": ("def f(): f()\nf()", "RecursionError"),
    "refused": (GOOD.format(id="x").replace('trigger="x/requested"', 'trigger=""'), "trigger=''"),
    "twice": (GOOD.format(id="first"), "function 'first' is registered twice"),
    "in a library": ("import json\n\nsettings = json.loads('{')\n", "line 3: settings = json.loads('{')"),
    "generator": (GOOD.format(id="y") + "    yield", "it is a generator"),
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where modules are found."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    (tmp_path / "first.py").write_text(GOOD.format(id="first"))
    (tmp_path / "last.py").write_text(GOOD.format(id="last"))
    return tmp_path


def turn(loop: Loop) -> None:
    """Until it is closed. In a thread of its own: the loop of a browser that other tests use may turn in this one."""
    thread = threading.Thread(target=loop.run)
    thread.start()
    thread.join()


@pytest.mark.parametrize("how", BAD)
def test_a_module_that_fails_is_named_and_the_others_are_known(folder: Path, how: str) -> None:
    text, words = BAD[how]
    (folder / "bad.py").write_text(text)
    known, failed = declarations(["first", "bad", "last"])
    assert [each.id for each in known] == ["first", "last"]
    assert list(failed) == ["bad"]
    assert words in failed["bad"]


def test_several_that_fail_are_each_named(folder: Path) -> None:
    for how in ("raises", "ends"):
        (folder / f"{how}.py").write_text(BAD[how][0])
    known, failed = declarations(["raises", "first", "ends", "no.such.module"])
    assert [each.id for each in known] == ["first"]
    assert set(failed) == {"raises", "ends", "no.such.module"}
    assert "there is no module 'no'" in failed["no.such.module"]


def test_a_module_that_hangs_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(starting, "IMPORT_SECONDS", 2.0)
    (folder / "bad.py").write_text("import time; time.sleep(600)")
    known, failed = declarations(["bad", "first"])
    assert [each.id for each in known] == ["first"]
    assert "did not end within 2 s" in failed["bad"]


def test_what_a_module_prints_or_handles_is_its_own(folder: Path) -> None:
    (folder / "noisy.py").write_text(
        'import signal, sys, os\nprint(\'{"say": "ready"}\')\nos.close(0)\n'
        "for n in (1, 2, 15): signal.signal(n, signal.SIG_IGN)\n" + GOOD.format(id="noisy")
    )
    known, failed = declarations(["noisy", "last"])
    assert ([each.id for each in known], failed) == (["noisy", "last"], {})
    assert all(type(each) is Declaration for each in known)


def test_a_system_with_a_module_that_fails_serves_the_others_and_keeps_events_of_its_functions(
    system: StartSystem, folder: Path
) -> None:
    """As after a deploy with a typo: what the module declared before is still known to the dispatcher."""
    (folder / "late.py").write_text(GOOD.format(id="late"))
    started = system(functions=("first", "late"), env={"PYTHONPATH": os.environ["PYTHONPATH"]})
    with started.client() as client:
        wait_until(lambda: len(client.get("/functions").json()["items"]) == 2, what="both are known")
        (folder / "late.py").write_text("raise ValueError('a typo')")
        for process in (*started.dispatchers, *started.workers):
            assert process.stop() == 0
            process.start()
        for name in ("late", "first"):
            client.post("/events", json={"name": f"{name}/requested", "data": {}}).raise_for_status()
        wait_until(lambda: _statuses(client).get("first") == "completed", what="the other is served")
        assert _statuses(client) == {"first": "completed", "late": "queued"}
        (folder / "late.py").write_text(GOOD.format(id="late"))
        for process in started.workers:
            assert process.stop() == 0
            process.start()
        wait_until(lambda: _statuses(client)["late"] == "completed", what="the mended one is served")


def _statuses(client: object) -> dict[str, str]:
    items = client.get("/runs").json()["items"]  # type: ignore[attr-defined]
    return {each["functionId"]: each["status"] for each in items}


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("import threading, time; threading.Thread(target=time.sleep, args=[600], daemon=True).start()", "spawn"),
        ("import numpy as np; np.ones((500, 500)) @ np.ones((500, 500))", "fork"),
    ],
)
def test_a_module_with_threads_of_its_own_has_its_lanes_start_anew(
    system: StartSystem, folder: Path, text: str, start: str
) -> None:
    (folder / "threads.py").write_text(text + "\n" + GOOD.format(id="threads"))
    started = system(functions=("threads",), env={"PYTHONPATH": os.environ["PYTHONPATH"]})
    with started.client() as client:
        client.post("/events", json={"name": "threads/requested", "data": {}}).raise_for_status()
        wait_until(lambda: _statuses(client).get("threads") == "completed", what="its run")
    assert f"lanes are made by {start}" in started["worker-1"].output


def test_random_numbers_of_a_module_differ_between_lanes(system: StartSystem, folder: Path) -> None:
    (folder / "dice.py").write_text(
        "import random, numpy as np\nfrom andon import function\n"
        "rng, own = np.random.default_rng(), random.Random()\n"
        "@function(id='dice', trigger='dice/requested', fresh=True)\n"
        "def dice(event, step):\n"
        "    return step.run('throw', lambda: [random.random(), own.random(), float(np.random.rand()), rng.random()])\n"
    )
    started = system(functions=("dice",), env={"PYTHONPATH": os.environ["PYTHONPATH"]})
    with started.client() as client:
        for _ in range(3):
            client.post("/events", json={"name": "dice/requested", "data": {}}).raise_for_status()

        def thrown() -> list[list[float]]:
            items = client.get("/runs").json()["items"]
            return [
                client.get(f"/runs/{each['id']}").json()["output"] for each in items if each["status"] == "completed"
            ]

        wait_until(lambda: len(thrown()) == 3, what="three throws")
        for place in range(4):
            assert len({throw[place] for throw in thrown()}) == 3


def test_lanes_start_anew_where_that_is_asked_for(system: StartSystem, folder: Path) -> None:
    started = system(functions=("first",), env={"PYTHONPATH": os.environ["PYTHONPATH"], "ANDON_LANES_START": "spawn"})
    with started.client() as client:
        client.post("/events", json={"name": "first/requested", "data": {}}).raise_for_status()
        wait_until(lambda: _statuses(client).get("first") == "completed", what="its run")
    assert "lanes are made by spawn because ANDON_LANES_START=spawn" in started["worker-1"].output


@pytest.mark.parametrize("what", ["birth", "end"])
def test_a_nursery_that_tells_of_no_birth_or_end_any_more_is_ended_and_another_takes_over(
    folder: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    loop, seen, born = Loop(), list[int | None](), list[Lane]()

    def ready(loading: Loading) -> None:
        seen.append(nursery.pid)
        if what == "birth" and len(seen) == 1:
            stand_still()
        lanes.opened(nursery)

    def stand_still() -> None:
        assert nursery.pid is not None
        hold(nursery.pid)
        if what == "birth":
            monkeypatch.setattr(nurseries, "IMPORT_SECONDS", 0.2)

    def is_born(lane: Lane) -> None:
        born.append(lane)
        if len(seen) == 2:
            loop.close()
        else:
            stand_still()
            lanes.discard(lane)

    monkeypatch.setattr("andon_worker.supervisor.hosting.lanes.MISSED_SECONDS", 0.2)
    lanes = Lanes(loop, spares=1, idle=1, watch=is_born, unwatch=born.remove, ended=lambda lane, status: None)
    ended = partial(monkeypatch.setattr, nurseries, "IMPORT_SECONDS", starting.IMPORT_SECONDS)
    nursery = NurseryClient(loop, ["first"], lanes, ready=ready, ended=ended)
    nursery.start()
    loop.after(60, loop.close)
    turn(loop)
    nursery.close()
    assert len(set(seen)) == 2
    assert len(born) == 1


def test_a_nursery_bears_lanes_though_nobody_takes_what_its_modules_print(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "printing.py").write_text("print('said')\n" + GOOD.format(id="printing"))
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)
    loop, born = Loop(), list[Lane]()

    def is_born(lane: Lane) -> None:
        born.append(lane)
        loop.close()

    lanes = Lanes(loop, spares=1, idle=0, watch=is_born, unwatch=born.remove, ended=lambda lane, status: None)
    nursery = NurseryClient(loop, ["printing"], lanes, ready=lambda _: lanes.opened(nursery), ended=lambda: None)
    out, full = os.dup(1), os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, 1)
    nursery.start()
    os.dup2(out, 1)
    for each in (out, full):
        os.close(each)
    loop.after(60, loop.close)
    turn(loop)
    nursery.close()
    assert born


@pytest.mark.parametrize("whom", [["lane"], ["nurse"], ["lane", "nurse", "nursery"]])
def test_a_lane_that_was_stopped_goes_on(folder: Path, whom: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    loop, lived, died = Loop(), list[Lane](), list[int | None]()

    def is_born(lane: Lane) -> None:
        assert nursery.pid is not None
        assert lane.pid is not None
        lived.append(lane)
        if len(lived) == 1:
            pids = {"lane": lane.pid, "nurse": parents()[lane.pid], "nursery": nursery.pid}
            for each in whom:
                os.kill(pids[each], signal.SIGSTOP)
            lanes.take(("a", "b"), False, lanes.give_back)

    def has_ended(lane: Lane, status: int | None) -> None:
        died.append(status)
        loop.close()

    monkeypatch.setattr("andon_worker.supervisor.hosting.lanes.RETIRE_SECONDS", 60)
    lanes = Lanes(loop, spares=1, idle=0, watch=is_born, unwatch=lived.remove, ended=has_ended)
    nursery = NurseryClient(loop, ["first"], lanes, ready=lambda _: lanes.opened(nursery), ended=lambda: None)
    nursery.replaces = True
    nursery.start()
    loop.after(60, loop.close)
    turn(loop)
    nursery.close()
    assert died == [0]  # in peace, which takes that it goes on


@pytest.mark.parametrize("what", ["birth", "end"])
def test_a_nursery_that_was_stopped_goes_on_with_its_lanes(folder: Path, what: str) -> None:
    loop, died = Loop(), list[int | None]()

    def ready(loading: Loading) -> None:
        assert nursery.pid is not None
        if what == "birth":
            os.kill(nursery.pid, signal.SIGSTOP)
        lanes.opened(nursery)

    def is_born(lane: Lane) -> None:
        assert nursery.pid is not None
        if what == "end":
            os.kill(nursery.pid, signal.SIGSTOP)
        lanes.discard(lane)

    def has_ended(lane: Lane, status: int | None) -> None:
        died.append(status)
        loop.close()

    lanes = Lanes(loop, spares=1, idle=1, watch=is_born, unwatch=lambda lane: None, ended=has_ended)
    nursery = NurseryClient(loop, ["first"], lanes, ready=ready, ended=lambda: None)
    nursery.start()
    loop.after(60, loop.close)
    turn(loop)
    nursery.close()
    assert died == [signal.SIGKILL]  # and not None, which is: with its nursery
