"""Children and waits on whole processes: what returns, what wakes, and how far a cancel goes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import StartSystem
from tests.functions import FOLDER
from tests.support.ledger import Ledger
from tests.support.polling import wait_until
from tests.support.scene import QUICK, Scene

pytestmark = pytest.mark.promise


@pytest.fixture
def scene(system: StartSystem, database_url: str, redis_url: str, tmp_path: Path) -> Iterator[Scene]:
    started = system(functions=("tests.tree_functions",), env={**QUICK, FOLDER: str(tmp_path)})
    with Scene(started, database_url, redis_url, Ledger(tmp_path)) as made:
        yield made


def result(scene: Scene, function_id: str, case: str) -> Any:
    """What the case's run of this function has returned, once it has ended."""

    def ended() -> Any:
        found = scene.rows(
            "SELECT r.* FROM andon.runs r JOIN andon.events e ON e.seq = r.event_seq WHERE r.function_id = %s"
            " AND e.data->>'case' = %s AND r.parent_run_id IS NULL AND r.ended_at IS NOT NULL",
            function_id,
            case,
        )
        return found[0] if found else None

    run = wait_until(ended, what=f"the end of {function_id}")
    assert run["status"] == "completed", run["error"]
    return run["output"]


def test_runs_invoke_others_wait_for_events_and_are_cancelled_as_a_tree(scene: Scene) -> None:
    scene.xadd("tree/requested", {"case": "family"})
    scene.xadd("tree/requested", {"case": "failing", "plan": "fail"})
    scene.xadd("approval/requested", {"case": "asked"})
    scene.xadd("approval/requested", {"case": "unanswered", "timeout": 0.2})
    scene.xadd("tree/requested", {"case": "deep", "deep": 3, "plan": "hang"})

    for case, plan in (("beside", None), ("dying", "die"), ("hanging", "hang")):
        scene.xadd("wide/requested", {"case": case, "plan": plan})
        scene.xadd("wide/requested", {"case": f"{case}-apart", "plan": plan, "apart": True})

    leaves = result(scene, "tree", "family")
    assert [each["n"] for each in leaves] == [1, 2, 3]
    assert {tuple(each["keys"]) for each in leaves} == {("case", "n")}
    assert result(scene, "tree", "failing").startswith("CHILD_FAILED: Run ")
    assert result(scene, "approval", "unanswered") == {"which": None, "by": None, "note": None}

    run = wait_until(
        lambda: scene.rows(
            "SELECT * FROM andon.runs WHERE status = 'waiting' AND id IN (SELECT run_id"
            " FROM andon.waits WHERE event = 'approval/granted')"
        ),
        what="the asker",
    )[0]
    shown = scene.api.get(f"/runs/{run['id']}").json()
    assert [(each["event"], each["match"], each["value"]) for each in shown["waits"]] == [
        ("approval/granted", "data.case", "asked"),
        ("approval/refused", "data.case", "asked"),
    ]
    scene.xadd("approval/refused", {"case": "asked", "by": "kim"})
    assert result(scene, "approval", "asked")["by"] == "kim"

    assert result(scene, "wide", "beside") == [0, 1, 2, 3]
    assert result(scene, "wide", "dying") == [0, 1, 2, 3]
    assert [len(scene.ledger.begins("dying", f"branch-{n}")) for n in range(4)] == [1, 1, 1, 2]
    scene.wait_step("hanging", "branch-3")
    scene.xadd("tree/cancelled", {"case": "hanging"})
    hanging = scene.wait_run("hanging", "cancelled")
    assert {each["id"] for each in scene.steps(hanging["id"])} == {"branch/0", "branch/1", "branch/2"}

    assert len(set(result(scene, "wide", "beside-apart"))) == 3
    assert len(set(result(scene, "wide", "dying-apart"))) == 3
    assert [len(scene.ledger.begins("dying-apart", f"branch-{n}")) for n in range(3)] == [1, 1, 2]
    wait_until(lambda: scene.ledger.begins("hanging-apart", "branch-2"), what="a branch that computes")
    scene.xadd("tree/cancelled", {"case": "hanging-apart"})
    scene.wait_run("hanging-apart", "cancelled")
    ends = [each.step for each in scene.ledger.entries("hanging-apart") if each.what == "end"]
    assert "branch-2" in ends  # it was interrupted, not killed

    scene.wait_step("deep", "hang")
    top = scene.rows(
        "SELECT r.id FROM andon.runs r JOIN andon.events e ON e.seq = r.event_seq"
        " WHERE e.data->>'case' = 'deep' AND r.parent_run_id IS NULL"
    )[0]["id"]
    [child] = scene.api.get(f"/runs/{top}").json()["children"]
    assert (child["functionId"], child["parentStep"]) == ("tree", "below")
    answer = scene.api.post(f"/runs/{top}/cancel").json()
    assert answer["children"] == 4
    below = "SELECT count(*) AS n FROM andon.runs WHERE cancel_cause = 'parent' AND status = 'cancelled'"
    wait_until(lambda: scene.one(below) == 4, what="the whole tree cancelled")
    scene.wait_quiet()
    assert scene.one("SELECT count(*) FROM andon.waits") == 0
