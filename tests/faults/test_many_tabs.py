"""Row 29: two hundred console tabs."""

from __future__ import annotations

import socket
import time
from contextlib import ExitStack

from tests.faults.conftest import Stage
from tests.support.scene import Scene

TABS = 200


def test_29_two_hundred_open_tabs_are_all_told_and_leave_the_api_as_fast(stage: Stage) -> None:
    scene = stage(dispatchers=1, workers=0)
    report = scene.report()
    scene.generate(report)
    before = p99(scene, report)
    with ExitStack() as tabs:
        statuses = [open_tab(scene, report, tabs) for _ in range(TABS)]
        during = p99(scene, report)
    assert statuses == [200] * TABS
    assert during < max(10 * before, 1.0)


def open_tab(scene: Scene, report: str, tabs: ExitStack) -> int:
    """Open the report's stream and leave it open; returns the status."""
    tab = tabs.enter_context(socket.create_connection(("127.0.0.1", scene.system.port), 10))
    tab.sendall(f"GET /api/v1/reports/{report}/stream HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    head = b""
    while b"\r\n\r\n" not in head:
        head += tab.recv(4096)
    return int(head.split()[1])


def p99(scene: Scene, report: str) -> float:
    """The 99th percentile of 200 reads, in seconds."""
    took = []
    for _ in range(200):
        began = time.perf_counter()
        assert scene.api.get(f"/reports/{report}").status_code == 200
        took.append(time.perf_counter() - began)
    return sorted(took)[197]
