"""Rows 4, 5, 21, 22 and 26: a dispatcher that dies or freezes between read, commit and acknowledgement."""

from __future__ import annotations

import base64

import pytest

from andon.adapters.redis.stream.reading import CUT, LARGEST
from tests.faults.conftest import Stage
from tests.faults.proxy import Proxy
from tests.support.polling import PATIENCE, wait_until
from tests.support.scene import GROUP, STREAM, Scene


def test_04_a_dispatcher_killed_after_its_commit_and_before_xack_makes_no_second_effect(
    stage: Stage, redis_proxy: Proxy
) -> None:
    scene = stage(each={"dispatcher-1": {"ANDON_REDIS_URL": redis_proxy.url}})
    scene.wait_leader()
    redis_proxy.stall_at(b"XACK")
    scene.request("unacked", steps=2)
    scene.cancel("unacked-other")
    assert redis_proxy.stalled.wait(PATIENCE)
    scene.system["dispatcher-1"].kill()
    assert scene.runs("unacked"), "it was to be killed after its commit"
    assert scene.pending() >= 1
    scene.system.add_dispatcher()
    scene.wait_run("unacked", "completed")
    scene.wait_quiet()
    assert scene.ledger.steps("unacked") == ["step-1", "step-2"]
    assert len(scene.runs("unacked")) == 1


def test_05_what_a_dispatcher_read_and_did_not_commit_is_handled_by_another_once(stage: Stage) -> None:
    scene = stage(dispatchers=2)
    wait_until(lambda: scene.redis.exists(STREAM), what="the bus and its group")
    with scene.holding("LOCK TABLE andon.events IN EXCLUSIVE MODE"):
        scene.request("uncommitted", steps=2)
        wait_until(lambda: scene.pending() == 1, what="the entry read")
        scene.wait_blocked("andon-dispatcher")
        [blocked] = scene.rows(
            "SELECT holder FROM andon.dispatcher_leases WHERE lease_until > now() - interval '1 minute'"
        )
        pid = int(blocked["holder"].split(":")[1])
        next(each for each in scene.system.dispatchers if each.pid == pid).kill()
    assert scene.pending() == 1
    scene.wait_run("uncommitted", "completed")
    scene.wait_quiet()
    assert scene.ledger.steps("uncommitted") == ["step-1", "step-2"]


def test_21_poison_entries_are_dead_with_their_reason_and_the_good_ones_beside_them_run(stage: Stage) -> None:
    scene = stage(dispatchers=0)
    poison: dict[str, dict[bytes, bytes]] = {
        "data": {b"name": b"walk/requested", b"data": b"{not json"},
        "text without": {b"name": b"walk/requested", b"data": b'{"case": "nul\\u0000"}'},
        "name": {b"data": b"{}"},
        "at most 256 KiB": {b"name": b"walk/requested", b"data": b'{"case": "' + b"x" * 2**20 + b'"}'},
        "version": {b"name": b"walk/requested", b"data": b"{}", b"v": b"99"},
        "UTF-8": {b"name": b"walk/requested", b"data": b"\xff\xfe\x00binary"},
    }
    bad = {}
    for number, (reason, fields) in enumerate(poison.items()):
        scene.request(f"good-{number}", steps=1)
        bad[scene.redis.xadd(STREAM, fields)] = (reason, fields)  # type: ignore[arg-type]
    scene.request("good-last", steps=1)
    scene.system.add_dispatcher()
    for case in (*(f"good-{number}" for number in range(len(poison))), "good-last"):
        scene.wait_run(case, "completed")
    scene.wait_quiet()
    dead = {each["stream_id"]: each for each in scene.rows("SELECT * FROM andon.dead_events")}
    assert dead.keys() == bad.keys()
    for stream_id, (reason, fields) in bad.items():
        assert reason in dead[stream_id]["reason"]
        kept = {base64.b64decode(key): base64.b64decode(value) for key, value in dead[stream_id]["fields"]}
        size = sum(len(key) + len(value) for key, value in fields.items())
        assert kept.pop(CUT, None) == (f"{size} {len(fields)}".encode() if size > LARGEST else None)
        assert kept.keys() == fields.keys()
        assert all(fields[key].startswith(value) for key, value in kept.items())
        assert sum(map(len, kept.values())) > min(size, LARGEST) - 100
    page, shown = scene.api.get("/dead-events").json(), 0
    while page["nextCursor"]:  # a page ends where it is large
        shown += len(page["items"])
        page = scene.api.get("/dead-events", params={"cursor": page["nextCursor"]}).json()
    assert shown + len(page["items"]) == len(bad)


def test_22_an_entry_trimmed_while_pending_is_acknowledged_and_its_accepted_run_is_rescued(stage: Stage) -> None:
    scene = stage(dispatchers=0)
    scene.redis.xgroup_create(STREAM, GROUP, id="0", mkstream=True)
    scene.post("walk/requested", {"case": "accepted", "steps": 1})
    scene.request("trimmed", steps=1)
    taken = scene.redis.xreadgroup(GROUP, "a-dispatcher-that-died", {STREAM: ">"})
    assert len(taken[0][1]) == 2  # type: ignore[index]
    scene.redis.xtrim(STREAM, maxlen=0)
    dispatcher = scene.system.add_dispatcher()
    scene.wait_run("accepted", "completed")
    scene.wait_quiet()
    assert scene.pending() == 0
    assert "2 pending entries were trimmed" in dispatcher.output
    assert not scene.runs("trimmed"), "Redis did not keep it: nothing could know of it"


@pytest.mark.promise
def test_26_a_frozen_dispatcher_that_was_replaced_commits_nothing_and_every_pair_keeps_its_order(stage: Stage) -> None:
    scene = stage(dispatchers=2)
    scene.wait_leader()
    first = leader(scene)
    scene.request("before", plan={"step-1": {"gate": True}})
    scene.wait_step("before", "step-1")
    with scene.holding("LOCK TABLE andon.events IN EXCLUSIVE MODE"):
        # The leader has read this pair and stands before its commit when it freezes.
        scene.request("across", plan={"step-2": {"gate": True}})
        scene.cancel("across")
        scene.wait_blocked("andon-dispatcher")
        frozen = next(each for each in scene.system.dispatchers if each.pid == first)
        frozen.pause()
    scene.cancel("before")
    scene.request("after", steps=1)
    scene.cancel("turned")
    scene.request("turned", steps=1)
    expected = {"before": "cancelled", "across": "cancelled", "after": "completed", "turned": "completed"}
    for case, status in expected.items():
        assert scene.wait_run(case)["status"] == status
    assert leader(scene) != first
    frozen.resume()
    wait_until(lambda: "standing by" in frozen.output or "postgres away" in frozen.output, what="it notices")
    scene.wait_quiet()
    for case, status in expected.items():
        assert [run["status"] for run in scene.runs(case)] == [status]
    assert not scene.ledger.begins("across", "step-3")
    assert frozen.running


def leader(scene: Scene) -> int:
    """The pid of the dispatcher that leads."""
    [row] = scene.rows("SELECT holder FROM andon.dispatcher_leases")
    return int(row["holder"].split(":")[1])
