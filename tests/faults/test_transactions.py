"""`step.transaction` takes effect exactly once, whatever its worker and its connections go through."""

from __future__ import annotations

import psycopg
import pytest

from tests.faults.conftest import Stage
from tests.faults.proxy import Proxy


@pytest.mark.promise
@pytest.mark.parametrize("tallies", [20, pytest.param(200, marks=pytest.mark.slow)])
def test_a_transaction_cut_off_anywhere_takes_effect_exactly_once(
    stage: Stage, database_url: str, postgres_proxy: Proxy, tallies: int
) -> None:
    scene = stage(each={"worker-1": {"ANDON_DATABASE_URL": postgres_proxy.url}}, workers=1)
    with psycopg.connect(database_url) as connection:
        connection.execute("CREATE TABLE public.tally (name text)")
    postgres_proxy.lose_reply_to(b"public.tally")
    cases = [f"tally-{number}" for number in range(tallies)]
    for number, case in enumerate(cases):
        scene.xadd("tally/requested", {"case": case})
        if number % 20 == 10:
            scene.wait_step(case, "count")
            scene.system["worker-1"].kill()
            scene.system["worker-1"].start()
        elif number % 20 == 15:
            scene.wait_step(case, "count")
            postgres_proxy.restore()  # every connection is cut
    assert {scene.wait_run(case)["status"] for case in cases} == {"completed"}
    counted = "SELECT name, count(*) AS n FROM public.tally GROUP BY name"
    assert {row["name"]: row["n"] for row in scene.rows(counted)} == dict.fromkeys(cases, 1)
    begun = sum(len(scene.ledger.begins(case)) for case in cases)
    assert begun > tallies, "nothing was cut off"


@pytest.mark.promise
def test_a_transaction_whose_commit_is_not_answered_has_taken_effect_and_its_run_goes_on(
    stage: Stage, database_url: str, postgres_proxy: Proxy
) -> None:
    scene = stage(each={"worker-1": {"ANDON_DATABASE_URL": postgres_proxy.url}}, workers=1)
    with psycopg.connect(database_url) as connection:
        connection.execute("CREATE TABLE public.tally (name text)")
    for number in range(3):
        postgres_proxy.lose_reply_to(b"COMMIT")
        scene.xadd("tally/requested", {"case": f"tally-{number}"})
        assert scene.wait_run(f"tally-{number}")["status"] == "completed"
    counted = "SELECT name, count(*) AS n FROM public.tally GROUP BY name"
    assert {row["name"]: row["n"] for row in scene.rows(counted)} == {f"tally-{n}": 1 for n in range(3)}
