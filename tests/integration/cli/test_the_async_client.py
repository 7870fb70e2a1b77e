"""`AsyncAndon` against a running system."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from andon.client import AndonApiError, AnotherRun, AsyncAndon, Changed, Conflict, InvalidFields, NotFound, Report
from tests.support.ledger import Ledger
from tests.support.system import System


def in_a_loop(main: Coroutine[Any, Any, None]) -> None:
    """Run it in a thread of its own: a browser that was driven in this process keeps its loop in the main one."""
    with ThreadPoolExecutor(1) as own:
        own.submit(asyncio.run, main).result()


async def refused(call: object, kind: type[AndonApiError]) -> None:
    """It is refused with that class."""
    with pytest.raises(kind) as error:
        await call  # type: ignore[misc]
    assert type(error.value) is kind


def test_a_report_is_made_watched_and_cancelled_beside_other_calls(running: System, ledger: Ledger) -> None:
    async def main() -> None:
        async with AsyncAndon(running.url) as andon:
            dataset = await andon.datasets.upload(io.BytesIO(b"day,amount\n2026-01-01,3\n"), name="sales.csv")
            made = await andon.reports.create("Gated", dataset_id=dataset.id)
            ledger.set_plan(made.id, {"compute": {"gate": True}})
            read = await andon.reports.get(made.id)
            await andon.reports.update(made.id, title="Sales", if_match=read.etag)
            await refused(andon.reports.update(made.id, title="Late", if_match=read.etag), Changed)

            async def watch() -> list[Report]:
                return [each async for each in andon.reports.watch(made.id, timeout=60)]

            asked = await andon.reports.generate(made.id, prefer_wait=20)
            assert asked.run_id is not None
            watching = [asyncio.create_task(watch()) for _ in range(5)]
            run = await andon.runs.get(asked.run_id)
            await refused(andon.reports.cancel(made.id, run_id=dataset.id), AnotherRun)
            stopped = await andon.reports.cancel(made.id, run_id=run.id, prefer_wait=20)
            assert stopped.status == "cancelled"
            for told in await asyncio.gather(*watching):
                assert [each.status for each in told if not each.generating] == ["cancelled"]
            await refused(andon.reports.cancel(made.id), Conflict)
            assert (await andon.runs.wait(run.id, timeout=20)).status == "cancelled"
            assert [each.title async for each in andon.reports.list(status=["cancelled"], limit=1)] == ["Sales"]

    in_a_loop(main())


def test_its_file_is_saved_and_what_is_wrong_is_told_by_class(running: System, sales: Path, tmp_path: Path) -> None:
    async def main() -> None:
        async with AsyncAndon(running.url) as andon:
            dataset = await andon.datasets.upload(sales)
            made = await andon.reports.create("Made", dataset_id=dataset.id)
            await andon.reports.generate(made.id)
            assert (await andon.reports.wait(made.id, timeout=60)).status == "generated"
            saved = await andon.reports.download(made.id, "report.txt", tmp_path)
            assert saved.read_text().startswith(f"{made.id}/")
            await refused(andon.reports.get("none"), NotFound)
            await refused(andon.reports.create(""), InvalidFields)

    in_a_loop(main())
