"""Row 28: the artifact storage takes no more bytes, or isn't there."""

from __future__ import annotations

import resource
import shutil
from pathlib import Path

from tests.faults.conftest import Stage
from tests.polling import wait_until


def test_28_a_disk_that_fills_up_fails_the_step_which_is_retried_and_half_a_file_is_never_shown(stage: Stage) -> None:
    scene = stage()
    report = scene.report(store={"gate": True})
    worker = scene.system["worker-1"]
    scene.generate(report)
    scene.wait_step(report, "store")
    # A limit on a file's size fails a write in its middle, as a full disk does.
    before = resource.prlimit(worker.pid, resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
    scene.ledger.open(report)
    run = scene.wait_run(report, "waiting")
    [step] = [each for each in scene.steps(run["id"]) if each["id"] == "store"]
    assert (step["status"], step["attempt"]) == ("retrying", 1)
    shown = scene.show_report(report)
    assert (shown["status"], shown["artifacts"]) == ("generating", [])
    assert not [path for path in scene.system.storage.rglob("*") if path.is_file() and "report.txt" in path.name]
    resource.prlimit(worker.pid, resource.RLIMIT_FSIZE, before)
    assert scene.wait_run(report)["status"] == "completed"
    [artifact] = scene.show_report(report)["artifacts"]
    content = scene.api.get(f"/reports/{report}/artifacts/report.txt").content
    assert len(content) == artifact["bytes"] == len(set(content.splitlines())) * len(content)


def test_28_a_storage_that_is_unreachable_is_tried_again_until_it_is_there(stage: Stage) -> None:
    scene = stage()
    report = scene.report(store={"gate": True})
    scene.generate(report)
    scene.wait_step(report, "store")
    storage: Path = scene.system.storage
    away = storage.with_name("away")
    shutil.move(storage, away)
    storage.write_text("no folder")
    scene.ledger.open(report)
    scene.wait_run(report, "waiting")
    wait_until(lambda: len(scene.ledger.begins(report, "store")) >= 2, 30, what="another try")
    assert scene.show_report(report)["artifacts"] == []
    storage.unlink()
    shutil.move(away, storage)
    assert scene.wait_run(report)["status"] == "completed"
    assert len(scene.show_report(report)["artifacts"]) == 1
    assert scene.ledger.steps(report).count("compute") == 1
