"""Two minutes of the hostile hour; `make hostile MINUTES=60` is all of it, and judges how long B's cancels take."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from tests.hostile.hour import hostile


def test_whatever_one_tenant_sends_another_loses_nothing_and_no_process_ends(tmp_path: Path) -> None:
    with ExitStack() as stack:
        verdict = hostile(tmp_path, stack, quiet=5, seconds=120, seed=12, pace=15)
    assert verdict.broken == {}
    assert all(verdict.beside.values()), "B has cancelled nothing"
