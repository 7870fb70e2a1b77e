"""`ANDON_RESULTS_LIMIT_BYTES`: what a run remembers is bounded, over all the workers that have executed it."""

from __future__ import annotations

from pathlib import Path

from tests.conftest import StartSystem
from tests.functions import FOLDER
from tests.support.polling import wait_until


def test_a_result_that_is_too_much_fails_its_step_and_the_run_goes_on(system: StartSystem, tmp_path: Path) -> None:
    started = system(
        functions=("tests.lane_functions",),
        env={FOLDER: str(tmp_path), "ANDON_RESULTS_LIMIT_BYTES": "2500000"},
    )
    with started.client() as client:
        client.post("/events", json={"name": "lane/bulky", "data": {}}).raise_for_status()
        wait_until(lambda: client.get("/runs?status=completed").json()["items"], what="its end")
        [run] = client.get("/runs").json()["items"]
        output = run["output"]
    kept, refused = output[:2], output[2:]
    assert kept == ["kept", "kept"]
    assert [each.split(":")[0] for each in refused] == ["RESULT", "RESULT"]
    assert "Step 'step-2' returned 1,000,002 bytes of JSON" in refused[0]
