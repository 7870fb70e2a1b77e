"""A report's run ends whatever its handler returned; of its artifacts those are published that can be."""

from __future__ import annotations

import json
from typing import Any

import psycopg
import pytest

from andon.adapters.postgres import requests
from andon.adapters.postgres.connect import connect
from andon.adapters.postgres.runs import claim
from andon.adapters.postgres.settle import End, settle_held
from andon.engine.functions import Registry
from andon.engine.ids import new_id
from andon_worker.dispatcher.batch import record_batch
from andon_worker.functions.reports import generate_hybrid_report

GOOD = {"name": "report.html", "key": "k", "bytes": 1, "mediaType": "text/html"}
OUTPUTS: list[tuple[Any, int]] = [
    ({"artifacts": [GOOD]}, 1),
    ({"artifacts": [GOOD, {**GOOD, "key": "again"}]}, 1),
    ({"artifacts": [GOOD, {**GOOD, "name": "x" * 9_000}]}, 1),
    ({"artifacts": [GOOD, {**GOOD, "name": "b", "bytes": "many"}, {**GOOD, "name": "c", "bytes": 1e300}]}, 1),
    ({"artifacts": [GOOD, {**GOOD, "name": None}, {"name": "a"}, 7, None, [], "x"]}, 1),
    ({"artifacts": [GOOD], "note": "a backslash and \\u0000"}, 1),
    ({"artifacts": [GOOD], "note": "\0"}, 0),
    ({"artifacts": [{**GOOD, "name": "\0"}]}, 0),
    ({"artifacts": {"a": 1}}, 0),
    ("\0", 0),
    (None, 0),
]


@pytest.mark.parametrize(("output", "published"), OUTPUTS)
def test_the_run_ends_and_so_does_the_report(database_url: str, output: Any, published: int) -> None:
    with connect(database_url, name="test") as connection:
        report, registry = new_id(), Registry([generate_hybrid_report])
        made: psycopg.Connection[Any] = connection
        made.execute(
            "INSERT INTO andon.datasets"
            " (id, tenant, name, format, media_type, bytes, rows, columns, storage_key, sha256)"
            " VALUES (%s, 'default', 'd', 'csv', 'text/csv', 1, 1, '[]', 'k', 's')",
            [report],
        )
        made.execute(
            "INSERT INTO andon.reports (id, tenant, title, dataset_id) VALUES (%s, 'default', 't', %s)",
            [report, report],
        )
        asked = requests.generate(made, tenant="default", report_id=report)
        with made.transaction():
            [(run_id, _)] = record_batch(made, registry, asked.events, [None]).started
        held = claim(made, run_id, worker="w", lease=60)
        assert held is not None
        assert settle_held(made, [End(run_id, held.fence, "completed", json.dumps(output))])
        assert made.execute("SELECT status FROM andon.reports").fetchone() == ("generated",)
        assert made.execute("SELECT count(*) FROM andon.artifacts").fetchone() == (published,)
