"""Rows 6 to 10, 23, 25 and 27: a worker that dies, freezes, is replaced or has the wrong idea of things."""

from __future__ import annotations

import pytest

from tests.faults.conftest import Stage
from tests.functions import CODE
from tests.support.polling import wait_until

LEASE = 2.0


@pytest.mark.promise
def test_06_a_worker_killed_in_step_3_of_6_is_resumed_by_another_at_step_3(stage: Stage) -> None:
    scene = stage(workers=2)
    scene.request("six", plan={"step-3": {"gate": True}})
    scene.wait_step("six", "step-3")
    first = scene.ledger.begins("six", "step-3")[0]
    next(each for each in scene.system.workers if each.pid == first.pid).kill()
    scene.wait_step("six", "step-3", times=2)
    scene.ledger.open("six")
    run = scene.wait_run("six", "completed")
    assert scene.ledger.steps("six") == [*(f"step-{n}" for n in (1, 2, 3, 3, 4, 5, 6))]
    assert scene.ledger.begins("six", "step-3")[1].pid != first.pid
    assert run["fence"] == 2
    assert run["attempt"] == 1


def test_07_a_worker_frozen_past_its_lease_writes_nothing_when_it_goes_on(stage: Stage) -> None:
    scene = stage(workers=1)
    report = scene.report(compute={"gate": True})
    scene.generate(report)
    scene.wait_step(report, "compute")
    frozen = scene.system["worker-1"]
    frozen.pause()
    scene.system.add_worker()
    scene.wait_step(report, "compute", times=2)
    scene.ledger.open(report)
    scene.wait_run(report, "completed")
    shown = scene.show_report(report)
    published = scene.api.get(f"/reports/{report}/artifacts/report.txt").content
    frozen.resume()
    wait_until(lambda: "is lost: another worker holds it" in frozen.output, what="the former holder notices")
    assert scene.show_report(report) == shown
    assert scene.api.get(f"/reports/{report}/artifacts/report.txt").content == published
    [run] = scene.runs(report)
    assert {each["fence"] for each in scene.steps(run["id"])} == {run["fence"]}
    assert frozen.running


@pytest.mark.slow  # test_rolling_restart.py does more of it, in every run
def test_08_a_rolling_restart_of_all_workers_hands_runs_over_without_counting_an_attempt(stage: Stage) -> None:
    scene = stage(workers=2)
    for case in ("long-1", "long-2", "long-3"):
        scene.request(case, plan={"step-2": {"gate": True}})
        scene.wait_step(case, "step-2")
    for worker in tuple(scene.system.workers):
        assert worker.stop() == 0
        worker.start()
    for case in ("long-1", "long-2", "long-3"):
        scene.ledger.open(case)
        run = scene.wait_run(case, "completed")
        assert (run["attempt"], run["lost"]) == (1, 0)
        assert len(scene.ledger.begins(case, "step-1")) == 1
        begins = len(scene.ledger.begins(case, "step-2"))
        assert begins >= 2
        assert len(
            scene.rows("SELECT 1 FROM andon.attempts WHERE status = 'handed over' AND run_id = %s", run["id"])
        ) == (begins - 1)


def test_09_a_cancel_under_way_completes_although_its_worker_is_told_to_stop(stage: Stage) -> None:
    scene = stage(workers=1)
    scene.request("stopping", plan={"step-2": {"deaf": 2.5}})
    scene.wait_step("stopping", "step-2")
    scene.cancel("stopping")
    scene.wait_run("stopping", "cancelling", "cancelled")
    assert scene.system["worker-1"].stop() == 0
    scene.system["worker-1"].start()
    scene.wait_run("stopping", "cancelled")
    scene.wait_run("stopping", "completed", kind="on_cancel")
    assert len(scene.runs("stopping", "on_cancel")) == 1
    assert [step for step in scene.ledger.steps("stopping") if step.startswith("sweep")] == ["sweep-1", "sweep-2"]
    assert not scene.ledger.begins("stopping", "step-3")


def test_10_a_step_that_kills_its_worker_fails_after_n_lost_workers_and_harms_no_other_run(stage: Stage) -> None:
    limit = 3
    scene = stage(workers=1, env={"ANDON_LOST_WORKER_LIMIT": str(limit)})
    worker = scene.system["worker-1"]
    scene.request("other", plan={"step-2": {"gate": True}})
    scene.wait_step("other", "step-2")
    scene.request("killer", plan={"step-2": {"die": "always"}})
    for death in range(1, limit + 1):
        if death == limit:  # now it is tried alone: when the worker holds no other run, and the other may be first
            scene.ledger.open("other")
        wait_until(lambda: not worker.running, what=f"death {death}")
        assert len(scene.ledger.begins("killer", "step-2")) == death
        worker.start()
    run = scene.wait_run("killer", "failed", timeout=60)
    assert run["error"]["type"] == "WorkerLost"
    assert (run["error"]["step"], run["current_step"]) == ("step-2", "step-2")
    shown = scene.api.get(f"/runs/{run['id']}").json()["steps"][-1]
    assert (shown["id"], shown["status"], shown["attempts"][-1]["status"]) == ("step-2", "failed", "failed")
    assert [each["status"] for each in shown["attempts"][:-1]].count("lost") >= limit - 2  # the first dies unannounced
    assert len(scene.ledger.begins("killer", "step-1")) == 1
    assert len(scene.ledger.begins("killer", "step-2")) == limit
    assert scene.wait_run("other", "completed", timeout=60)["attempt"] == 1
    assert len(scene.ledger.begins("other", "step-2")) <= limit  # once, and again after each worker it lost


def test_23_a_worker_that_dies_in_on_cancel_is_replaced_and_finished_steps_are_not_repeated(stage: Stage) -> None:
    scene = stage(workers=1)
    worker = scene.system["worker-1"]
    scene.request("dying", plan={"step-2": {"gate": True}, "sweep-2": {"die": "once"}})
    scene.wait_step("dying", "step-2")
    scene.cancel("dying")
    assert scene.wait_run("dying")["status"] == "cancelled"
    wait_until(lambda: not worker.running, what="the worker dies in on_cancel")
    worker.start()
    scene.wait_run("dying", "completed", kind="on_cancel")
    assert [s for s in scene.ledger.steps("dying") if s.startswith("sweep")] == ["sweep-1", "sweep-2", "sweep-2"]

    scene.request("failing", plan={"step-1": {"gate": True}, "sweep-1": {"fail": 99}})
    scene.wait_step("failing", "step-1")
    scene.cancel("failing")
    assert scene.wait_run("failing")["status"] == "cancelled"
    cleanup = scene.wait_run("failing", "failed", kind="on_cancel")
    assert cleanup["error"]["message"] == "sweep-1 fails as planned"
    assert scene.runs("failing")[0]["status"] == "cancelled"


@pytest.mark.parametrize("change", ["unknown-step", "reordered"])
def test_25_new_code_that_does_not_fit_an_open_run_fails_it_clearly_and_skips_nothing(
    stage: Stage, change: str
) -> None:
    scene = stage()
    worker = scene.system["worker-1"]
    scene.request("old", steps=4, plan={"step-3": {"gate": True}})
    scene.wait_step("old", "step-3")
    assert worker.stop() == 0
    worker.start(**{CODE: change})
    run = scene.wait_run("old")
    assert run["status"] == "failed"
    assert run["error"]["type"] == "DefinitionChanged"
    assert "step-2" in run["error"]["message"]
    assert scene.ledger.steps("old") == ["step-1", "step-2", "step-3"]


def test_27_a_step_that_holds_the_gil_for_three_leases_is_not_lost(stage: Stage) -> None:
    scene = stage(workers=2)
    scene.request("gil", steps=3, plan={"step-2": {"gil": 3 * LEASE}})
    scene.wait_step("gil", "step-2")
    run = scene.wait_run("gil", "completed")
    assert run["fence"] == 1
    assert scene.ledger.steps("gil") == ["step-1", "step-2", "step-3"]


def test_10_while_a_run_that_lost_two_workers_is_tried_alone_others_wait_for_a_bounded_time(stage: Stage) -> None:
    scene = stage(workers=1, env={"ANDON_ALONE_SECONDS": "0.5"})
    worker = scene.system["worker-1"]
    assert worker.stop() == 0
    for case in ("suspect-1", "suspect-2"):
        scene.request(case, steps=1, plan={"step-1": {"gate": True}})
        scene.wait_run(case, "queued")
    scene.rows("UPDATE andon.runs SET lost = 2, lost_step = '', turn = NULL, sent_at = NULL RETURNING id")
    worker.start()
    scene.wait_step("suspect-1", "step-1")
    scene.request("other", steps=1)
    assert scene.wait_run("other")["status"] == "completed"
    scene.wait_step("suspect-2", "step-1")
    scene.request("another", steps=1)
    assert scene.wait_run("another")["status"] == "completed"
    for case in ("suspect-1", "suspect-2"):
        scene.ledger.open(case)
        assert scene.wait_run(case)["status"] == "completed"
    assert worker.output.count("is tried alone") == 2
