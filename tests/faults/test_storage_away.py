"""Row 28: the artifact storage takes no more bytes, or isn't there."""

from __future__ import annotations

import resource
import shutil
import time
from pathlib import Path

from andon_worker.linux import children
from tests.faults.conftest import Stage
from tests.faults.small_disk import small_disk
from tests.support.polling import wait_until
from tests.support.s3 import BUCKET, s3_server
from tests.support.scene import Scene

HEARTBEAT = 0.5
SLACK = 6.0
MIB = 1 << 20  # a test's artifact has about four of them


def test_28_a_full_disk_fails_the_step_which_is_retried_until_there_is_room_and_half_a_file_is_never_shown(
    stage: Stage, tmp_path: Path
) -> None:
    with small_disk(tmp_path / "disk", 8 * MIB) as disk:
        scene = stage(env={"ANDON_STORAGE_URL": f"file://{disk.path}"})
        report = scene.report(store={"gate": True})
        scene.generate(report)
        scene.wait_step(report, "store")
        disk.fill(leaving=MIB)
        scene.ledger.open(report)
        tells_that_storing_is_tried_again(scene, report, "No space left on device")
        assert [path.name for path in disk.path.rglob("*report*")] == []
        wait_until(lambda: disk.free >= MIB, what="what was written removed again")
        large = {"file": ("large.csv", b"day,amount\n" + b"2026-01-01,1\n" * 100_000)}
        assert scene.api.post("/datasets", files=large).status_code == 503
        wait_until(lambda: disk.free >= MIB, what="what was received removed again")
        disk.make_room()
        assert_stored_whole(scene, report)


def test_28_a_file_that_may_not_grow_is_like_a_full_disk(stage: Stage) -> None:
    scene = stage()
    report = scene.report(store={"gate": True})
    worker = scene.system["worker-1"]
    scene.generate(report)
    scene.wait_step(report, "store")
    [nursery] = children(worker.pid)
    for pid in (nursery, *children(nursery)):
        before = resource.prlimit(pid, resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
    scene.ledger.open(report)
    tells_that_storing_is_tried_again(scene, report, "File too large")
    assert not [path for path in scene.system.storage.rglob("*") if path.is_file() and "report.txt" in path.name]
    for pid in (nursery, *children(nursery)):
        resource.prlimit(pid, resource.RLIMIT_FSIZE, before)
    assert_stored_whole(scene, report)


def test_28_a_storage_folder_that_is_gone_is_tried_again_until_it_is_there(stage: Stage) -> None:
    scene = stage()
    report = scene.report(store={"gate": True})
    scene.generate(report)
    scene.wait_step(report, "store")
    storage: Path = scene.system.storage
    away = storage.with_name("away")
    shutil.move(storage, away)
    storage.write_text("no folder")
    scene.ledger.open(report)
    tells_that_storing_is_tried_again(scene, report, "Not a directory")
    wait_until(lambda: len(scene.ledger.begins(report, "store")) >= 2, what="another try")
    storage.unlink()
    shutil.move(away, storage)
    assert_stored_whole(scene, report)


def test_28_an_object_store_that_is_unreachable_is_tried_again_until_it_is_there(stage: Stage, tmp_path: Path) -> None:
    with s3_server(tmp_path) as s3:
        url = f"s3://{BUCKET}/artifacts"
        scene = stage(env={**s3.env, "ANDON_STORAGE_URL": url, "AWS_MAX_ATTEMPTS": "1"})
        report, hanging = (scene.report(store={"gate": True}) for _ in range(2))
        for each in (report, hanging):
            scene.generate(each)
            scene.wait_step(each, "store")
        s3.pause()
        scene.ledger.open(hanging)
        wait_until(lambda: scene.ledger.entries(hanging)[-1].what == "end", what="the file on its way")
        asked = time.monotonic()
        assert scene.api.post(f"/reports/{hanging}/cancel").status_code == 202
        assert scene.wait_run(hanging)["status"] == "cancelled"
        assert time.monotonic() - asked < HEARTBEAT + SLACK
        s3.stop()
        scene.ledger.open(report)
        tells_that_storing_is_tried_again(scene, report, "Could not connect to the endpoint URL")
        s3.start()
        s3.make_bucket()
        assert_stored_whole(scene, report)


def tells_that_storing_is_tried_again(scene: Scene, report: str, reason: str) -> None:
    """Wait until the step has failed, for this reason; nothing is shown of what it stores."""
    run = scene.wait_run(report, "waiting")
    step = scene.steps(run["id"])[-1]
    assert (step["id"], step["status"], step["attempt"]) == ("store", "retrying", 1)
    assert reason in step["error"]["message"]
    shown = scene.show_report(report)
    assert (shown["status"], shown["artifacts"]) == ("generating", [])
    assert scene.api.get(f"/reports/{report}/artifacts/report.txt").status_code == 404


def assert_stored_whole(scene: Scene, report: str) -> None:
    """Wait for the report's end, and read its file."""
    assert scene.wait_run(report)["status"] == "completed"
    [artifact] = scene.show_report(report)["artifacts"]
    content = scene.api.get(f"/reports/{report}/artifacts/report.txt").content
    lines = content.splitlines()
    assert (len(content), len(lines), len(set(lines))) == (artifact["bytes"], 50_000, 1)
    assert scene.ledger.steps(report).count("compute") == 1
