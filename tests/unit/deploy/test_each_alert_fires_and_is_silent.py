"""Each alert by promtool: it fires for the installation that is ill, and not for a healthy one beside it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml  # type: ignore[import-untyped]

from .conftest import DEPLOY

FILE = DEPLOY / "monitoring" / "alerts.yaml"
RULES: list[dict[str, Any]] = yaml.safe_load(FILE.read_text())["groups"][0]["rules"]
ILL = 'namespace="ill", installation="a"'
WELL = 'namespace="well", installation="b"'
MINUTES = 300  # of every series, a sample a minute

# What an installation shows in which nothing is wrong; a value is promtool's notation without its length.
HEALTHY = {
    'up{job="andon-api", instance="api-1"}': "1",
    'up{job="andon-dispatcher", instance="dispatcher-1"}': "1",
    'up{job="andon-worker", instance="worker-1"}': "1",
    'andon_dispatcher_lease_held{instance="dispatcher-1"}': "1",
    'andon_dispatcher_fence{instance="dispatcher-1"}': "7",
    'andon_dispatcher_loop_age_seconds{instance="dispatcher-1"}': "0",
    'andon_dispatcher_intake_age_seconds{instance="dispatcher-1"}': "0",
    'andon_dispatcher_failures_total{part="entry"}': "3",
    'andon_store_up{store="postgres"}': "1",
    'andon_store_up{store="redis"}': "1",
    'andon_queue_age_seconds{queue="default"}': "2",
    "andon_worker_runs": "4",
    "andon_worker_lanes": "8",
    'andon_bus_age_seconds{stream="andon:events"}': "0",
    "andon_outbox_age_seconds": "1",
    "andon_followed_rows_owed_age_seconds": "1",
    "andon_webhooks_owed_age_seconds": "1",
    'andon_webhook_attempts_total{outcome="told"}': "0+60",
    'andon_webhook_attempts_total{outcome="failed"}': "0+5",
    'andon_webhook_attempts_total{outcome="given_up"}': "3",
    "andon_dead_events": "0",
    'andon_bus_dropped_entries_total{reason="trimmed"}': "5",
    'andon_heartbeat_age_seconds{instance="worker-1"}': "1",
    "andon_runs_lease_expired": "0",
    "andon_lease_losses_total": "3",
    "andon_cancel_age_seconds": "20",
    "andon_failed_cleanups": "0",
    'andon_cancel_stop_seconds_bucket{le="1"}': "0+10",
    'andon_cancel_stop_seconds_bucket{le="10"}': "0+10",
    'andon_cancel_stop_seconds_bucket{le="+Inf"}': "0+10",
    'andon_runs_settled_total{function="walk", status="completed"}': "0+60",
    'andon_runs_settled_total{function="walk", status="failed"}': "0+1",
    'andon_api_requests_total{route="/api/v1/reports", status="200"}': "0+600",
    'andon_api_requests_total{route="/api/v1/reports", status="500"}': "0+6",
    # Half of all answers, but what it says is: no stream is free, poll instead.
    'andon_api_requests_total{route="/api/v1/reports/<id>/stream", status="503"}': "0+600",
    # A probe that says which store is away: no caller was sent away with it.
    'andon_api_requests_total{route="/readyz", status="503"}': "0+600",
    # A file of two gigabytes takes its time.
    'andon_api_request_seconds_bucket{route="/api/v1/datasets", le="1"}': "0",
    'andon_api_request_seconds_bucket{route="/api/v1/datasets", le="10"}': "0+600",
    'andon_api_request_seconds_bucket{route="/api/v1/datasets", le="+Inf"}': "0+600",
    'andon_api_request_seconds_bucket{route="/api/v1/reports", le="1"}': "0+600",
    'andon_api_request_seconds_bucket{route="/api/v1/reports", le="+Inf"}': "0+600",
    'andon_api_request_seconds_bucket{route="/api/v1/reports/<id>/stream", le="1"}': "0",
    'andon_api_request_seconds_bucket{route="/api/v1/reports/<id>/stream", le="10"}': "0+600",
    'andon_api_request_seconds_bucket{route="/api/v1/reports/<id>/stream", le="+Inf"}': "0+600",
    "andon_storage_free_bytes": "50",
    "andon_storage_room_bytes": "100",
    'andon_maintenance_age_seconds{name="prune"}': "1800",
    'andon_maintenance_age_seconds{name="backup"}': "80000",
}
HERE = {"namespace": "ill", "installation": "a"}


class Case(NamedTuple):
    """What is shown instead (None: nothing), and the labels of the alert that fires beside the installation's own."""

    alert: str
    shown: dict[str, str | None]
    labels: dict[str, str] = {}  # noqa: RUF012 - never changed


API, DISPATCHER, WORKER = (
    'up{job="andon-api", instance="api-1"}',
    'up{job="andon-dispatcher", instance="dispatcher-1"}',
    'up{job="andon-worker", instance="worker-1"}',
)
GONE = "1x60 _"  # seen for an hour, then no target any more
CASES = [
    Case("AndonNoApi", {API: "0"}),
    Case("AndonNoApi", {API: GONE}),
    Case("AndonNoDispatcher", {'andon_dispatcher_lease_held{instance="dispatcher-1"}': "0"}),
    Case("AndonNoDispatcher", {DISPATCHER: GONE, 'andon_dispatcher_lease_held{instance="dispatcher-1"}': None}),
    Case("AndonNoWorker", {WORKER: "0"}),
    Case("AndonNoWorker", {WORKER: GONE}),
    Case("AndonStoreDown", {'andon_store_up{store="redis"}': "0"}, {"store": "redis"}),
    Case("AndonQueueOld", {'andon_queue_age_seconds{queue="default"}': "301"}, {"queue": "default"}),
    Case("AndonWorkersFull", {"andon_worker_runs": "8"}),
    Case("AndonBusBehind", {'andon_bus_age_seconds{stream="andon:events"}': "31"}, {"stream": "andon:events"}),
    Case(
        "AndonIntakeStuck",
        {'andon_dispatcher_intake_age_seconds{instance="dispatcher-1"}': "61"},
        {"instance": "dispatcher-1"},
    ),
    Case("AndonDispatcherFails", {'andon_dispatcher_failures_total{part="entry"}': "0+1"}, {"part": "entry"}),
    Case("AndonOutboxOld", {"andon_outbox_age_seconds": "61"}),
    Case("AndonFollowedRowsOwed", {"andon_followed_rows_owed_age_seconds": "61"}),
    Case("AndonWebhooksOwed", {"andon_webhooks_owed_age_seconds": "901"}),
    Case("AndonWebhooksGivenUp", {'andon_webhook_attempts_total{outcome="given_up"}': "0+1"}),
    Case("AndonDeadEvents", {"andon_dead_events": "1"}),
    Case("AndonBusEntriesDropped", {'andon_bus_dropped_entries_total{reason="trimmed"}': "0+1"}, {"reason": "trimmed"}),
    Case(
        "AndonDispatcherStalled",
        {'andon_dispatcher_loop_age_seconds{instance="dispatcher-1"}': "31"},
        {"instance": "dispatcher-1"},
    ),
    Case("AndonDispatcherFlapping", {'andon_dispatcher_fence{instance="dispatcher-1"}': "0+1"}),
    Case("AndonHeartbeatLate", {'andon_heartbeat_age_seconds{instance="worker-1"}': "16"}, {"instance": "worker-1"}),
    Case("AndonRunsWithoutWorker", {"andon_runs_lease_expired": "1"}),
    Case("AndonLeaseLosses", {"andon_lease_losses_total": "0+1"}),
    Case("AndonCancelStuck", {"andon_cancel_age_seconds": "331"}),
    Case("AndonCleanupFailed", {"andon_failed_cleanups": "1"}),
    Case("AndonCancelSlow", {'andon_cancel_stop_seconds_bucket{le="1"}': "0"}),
    Case(
        "AndonRunsFailing", {'andon_runs_settled_total{function="walk", status="failed"}': "0+30"}, {"function": "walk"}
    ),
    Case("AndonApiErrors", {'andon_api_requests_total{route="/api/v1/reports", status="500"}': "0+300"}),
    Case("AndonApiErrors", {'andon_api_requests_total{route="/api/v1/reports", status="503"}': "0+300"}),
    Case(
        "AndonApiSlow",
        {
            'andon_api_request_seconds_bucket{route="/api/v1/reports", le="1"}': "0",
            'andon_api_request_seconds_bucket{route="/api/v1/reports", le="5"}': "0+600",
        },
    ),
    Case("AndonStorageFilling", {"andon_storage_free_bytes": "9"}),
    Case("AndonPruneOld", {'andon_maintenance_age_seconds{name="prune"}': "14401"}),
    Case("AndonPruneOld", {'andon_maintenance_age_seconds{name="prune"}': None}),
    Case("AndonBackupOld", {'andon_maintenance_age_seconds{name="backup"}': "130000"}),
]


def series(shown: dict[str, str], where: str) -> list[dict[str, str]]:
    """The samples of an installation."""
    return [{"series": scoped(name, where), "values": lasting(values)} for name, values in shown.items()]


def scoped(name: str, where: str) -> str:
    metric, _, labels = name.rstrip("}").partition("{")
    return f"{metric}{{{', '.join(filter(None, [labels, where]))}}}"


def lasting(values: str) -> str:
    *begin, last = values.split()
    return " ".join([*begin, f"{last}x{MINUTES}"])


def shown_by(case: Case) -> dict[str, str]:
    return {name: value for name, value in {**HEALTHY, **case.shown}.items() if value is not None}


def check(folder: Path, tests: list[dict[str, Any]]) -> None:
    """Let promtool evaluate the rules that are asked about; what they say to people is checked elsewhere."""
    if shutil.which("promtool") is None:
        if os.environ.get("CI"):
            pytest.fail("promtool is missing: install the package prometheus")
        pytest.skip("promtool is not installed (Debian's package prometheus has it)")
    asked = {each["alertname"] for test in tests for each in test["alert_rule_test"]}
    rules = [{key: value for key, value in each.items() if key != "annotations"} for each in RULES]
    groups = [{"name": "andon", "rules": [each for each in rules if each["alert"] in asked]}]
    (folder / "rules.yaml").write_text(json.dumps({"groups": groups}))
    file = folder / "tests.yaml"
    file.write_text(json.dumps({"rule_files": ["rules.yaml"], "evaluation_interval": "1m", "tests": tests}))
    done = subprocess.run(["promtool", "test", "rules", str(file)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


def expected(name: str, *labels: dict[str, str]) -> dict[str, Any]:
    """That this alert fires, near the end, with these labels and no others."""
    [severity] = [each["labels"]["severity"] for each in RULES if each["alert"] == name]
    alerts = [{"exp_labels": {**each, "severity": severity}} for each in labels]
    return {"eval_time": f"{MINUTES - 10}m", "alertname": name, "exp_alerts": alerts}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.alert)
def test_an_alert_fires_where_it_should_and_nowhere_else(case: Case, tmp_path: Path) -> None:
    samples = [*series(shown_by(case), ILL), *series(HEALTHY, WELL)]
    wanted = expected(case.alert, {**HERE, **case.labels})
    check(tmp_path, [{"interval": "1m", "input_series": samples, "alert_rule_test": [wanted]}])


def test_no_alert_fires_while_nothing_is_wrong(tmp_path: Path) -> None:
    samples = [*series(HEALTHY, ILL), *series(HEALTHY, WELL)]
    silent = [expected(each["alert"]) for each in RULES]
    check(tmp_path, [{"interval": "1m", "input_series": samples, "alert_rule_test": silent}])


def test_what_was_never_seen_is_told_of_without_labels(tmp_path: Path) -> None:
    fires = [
        expected(name, {"job": job})
        for name, job in {
            "AndonNoApi": "andon-api",
            "AndonNoDispatcher": "andon-dispatcher",
            "AndonNoWorker": "andon-worker",
        }.items()
    ]
    check(tmp_path, [{"interval": "1m", "input_series": [], "alert_rule_test": fires}])


def test_each_alert_has_a_case_in_which_it_fires() -> None:
    assert {case.alert for case in CASES} == {each["alert"] for each in RULES}


def test_prometheus_can_read_the_rules_with_what_they_say(tmp_path: Path) -> None:
    if shutil.which("promtool") is None:
        pytest.skip("promtool is not installed")
    done = subprocess.run(["promtool", "check", "rules", str(FILE)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
