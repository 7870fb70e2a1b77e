"""Cleanup begins when the code that it cleans up after has really ended, and goes on where it failed."""

from __future__ import annotations

import pytest

from andon_worker.linux import parents
from tests.faults.conftest import Stage
from tests.support.held import held
from tests.support.polling import wait_until

pytestmark = pytest.mark.promise
WAITING = "SELECT c.status, c.wake_at > r.ended_at + interval '4 s' AS held FROM andon.runs c JOIN andon.runs r " + (
    "ON r.id = c.parent_run_id WHERE c.kind = 'on_cancel'"
)


def test_a_forced_cancels_cleanup_waits_and_a_failed_one_goes_on(stage: Stage) -> None:
    scene = stage(workers=1)
    scene.request("stuck", plan={"step-2": {"gate": True}, "sweep-2": {"fail": 1}})
    scene.wait_step("stuck", "step-2")
    worker = scene.system["worker-1"].pid
    nursery = next(child for child, parent in parents().items() if parent == worker)
    with held(nursery):  # so nobody can know whether the code has ended
        scene.cancel("stuck")
        scene.wait_run("stuck", "cancelling")
        scene.rows("UPDATE andon.runs SET cancel_deadline_at = clock_timestamp() WHERE kind = 'function' RETURNING id")
        run = scene.wait_run("stuck", "cancelled")
        assert run["forced"]
        wait_until(lambda: scene.rows(WAITING) == [{"status": "waiting", "held": True}], what="it is held back")
    former = scene.wait_run("stuck", "failed", kind="on_cancel")
    page = scene.api.get(f"/runs/{run['id']}").json()
    assert [each["status"] for each in page["cleanup"]] == ["failed"]

    again = scene.api.post(f"/runs/{former['id']}/rerun")
    assert again.status_code == 202, again.text
    assert scene.api.post(f"/runs/{former['id']}/rerun").json()["detail"] == "Cleanup was run again already"
    made = again.json()["runId"]
    wait_until(lambda: scene.api.get(f"/runs/{made}").json()["status"] == "completed", what="the cleanup's end")
    assert [s for s in scene.ledger.steps("stuck") if s.startswith("sweep")] == ["sweep-1", "sweep-2", "sweep-2"]
    assert scene.api.post(f"/runs/{made}/rerun").json()["detail"] == "Cleanup has completed"
