"""What a running system shows of itself, and that dashboard, alerts and docs speak of nothing else."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import psycopg
import yaml  # type: ignore[import-untyped]
from redis import Redis

from andon.adapters.postgres.upkeep.retention import raise_low_water
from andon.adapters.redis.bus import GROUP, STREAM
from andon_worker.dispatcher.gauges.stores import bus_gauges
from tests.integration.deploy.conftest import Probed
from tests.support.needs import program
from tests.support.polling import PATIENCE, wait_until

ROOT = Path(__file__).resolve().parents[3]
MONITORING = ROOT / "deploy" / "monitoring"
METRIC = re.compile(r"\b(?:andon|process)_[a-z_]+\b")


def dashboard_queries() -> list[str]:
    dashboard = json.loads((MONITORING / "dashboard.json").read_text())
    return [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", [])]


def alert_queries() -> list[str]:
    groups = yaml.safe_load((MONITORING / "alerts.yaml").read_text())["groups"]
    return [rule["expr"] for group in groups for rule in group["rules"]]


def sample_names(types: dict[str, str]) -> set[str]:
    """What a query may name: a histogram has three, a counter ends in `_total`."""
    suffixes = {"counter": ["_total"], "gauge": [""], "histogram": ["_bucket", "_sum", "_count"]}
    return {name + suffix for name, kind in types.items() for suffix in suffixes[kind]}


def bus_samples(redis: Redis) -> dict[str, float]:
    return {sample.name: sample.value for family in bus_gauges(redis) for sample in family.samples}


def publish(redis: Redis, name: str, **data: str) -> None:
    redis.xadd("andon:events", {"name": name, "data": json.dumps(data)})


def test_docs_dashboard_and_alerts_name_what_the_processes_export(probed: Callable[..., Probed]) -> None:
    started = probed()
    wait_until(started.ready, 120)
    types = started.types()
    exported = sample_names(types)
    queries = [*dashboard_queries(), *alert_queries()]
    assert len(queries) >= 40
    for query in queries:
        named = set(METRIC.findall(query))
        assert named or "up{job=" in query or 'job="andon-api"}' in query, query
        assert named <= exported, f"{query}: nobody exports {named - exported}"
    listed = dict(
        re.findall(
            r"^\| `(andon_\w+)` \| (counter|gauge|histogram) \|", (ROOT / "docs/metrics.md").read_text(), re.MULTILINE
        )
    )
    assert listed == {name: kind for name, kind in types.items() if name.startswith("andon_")}


def test_runs_cancels_and_dead_entries_are_counted_where_they_happen(
    probed: Callable[..., Probed], redis: Redis
) -> None:
    started = probed()
    wait_until(started.ready, 120)
    publish(redis, "signals/long.requested", key="a")
    publish(redis, "signals/failing.requested")
    redis.xadd("andon:events", {"data": "{}"})
    running = 'andon_runs{queue="default",status="running"}'
    wait_until(lambda: started.samples("dispatcher-1").get(running) == 1, what=running)
    wait_until(lambda: started.samples("worker-1")["andon_worker_runs"] == 1, what="the failing run has ended")
    publish(redis, "signals/long.cancelled", key="a")

    settled = 'andon_runs_settled_total{function="signals-long",status="cancelled"}'
    wait_until(lambda: settled in started.samples("worker-1"), what=settled)
    shown = started.samples("worker-1")
    assert shown[settled] == 1
    assert shown['andon_runs_settled_total{function="signals-failing",status="failed"}'] == 1
    assert shown['andon_step_seconds_count{function="signals-long",outcome="completed"}'] == 1
    assert shown['andon_step_seconds_count{function="signals-failing",outcome="failed"}'] == 1
    stopped = shown['andon_cancel_stop_seconds_sum{function="signals-long"}']
    until_settled = shown['andon_cancel_settle_seconds_sum{function="signals-long"}']
    assert 0 < stopped <= until_settled < PATIENCE
    assert shown["andon_lease_losses_total"] == 0

    wait_until(lambda: started.samples("dispatcher-1").get(running) == 0, what="no run is open")
    system_wide = started.samples("dispatcher-1")
    assert system_wide["andon_dead_events"] == 1
    assert system_wide["andon_dispatcher_leads"] == 1
    assert system_wide["andon_dispatcher_lease_held"] == 1


def test_entries_that_have_no_effect_are_counted(
    probed: Callable[..., Probed], redis: Redis, database_url: str
) -> None:
    redis.xgroup_create(STREAM, GROUP, id="0", mkstream=True)
    for number in range(3):
        publish(redis, "signals/failing.requested", number=str(number))
    redis.xreadgroup(GROUP, "reader", {STREAM: ">"})
    redis.xtrim(STREAM, maxlen=0, approximate=False)
    started = probed()
    wait_until(started.ready, 120)
    trimmed, forgotten = (f'andon_bus_dropped_entries_total{{reason="{each}"}}' for each in ("trimmed", "forgotten"))
    wait_until(lambda: started.samples("dispatcher-1")[trimmed] == 3, what=trimmed)
    assert started.samples("dispatcher-1")[forgotten] == 0

    with psycopg.connect(database_url, autocommit=True) as connection:
        raise_low_water(connection, "99999999999999-0")
    publish(redis, "signals/failing.requested")
    wait_until(lambda: started.samples("dispatcher-1")[forgotten] == 1, what=forgotten)
    wait_until(lambda: redis.xpending(STREAM, GROUP)["pending"] == 0, what="it is acknowledged")


def test_the_bus_is_behind_by_position_even_where_entries_were_trimmed(redis_url: str) -> None:
    with Redis.from_url(redis_url) as redis:
        redis.xgroup_create(STREAM, GROUP, id="0", mkstream=True)
        for number in range(30):
            publish(redis, "signals/nobody.listens", number=str(number))
        redis.xreadgroup(GROUP, "reader", {STREAM: ">"}, count=5)
        redis.xtrim(STREAM, maxlen=20, approximate=False)
        first, _ = bus_samples(redis), wait_until(lambda: bus_samples(redis)["andon_bus_age_seconds"] > 0.02)
        assert first["andon_bus_entries"] == 20
        assert first["andon_bus_unread_entries"] == 20, "25 were not read, 5 of them are gone"
        assert first["andon_bus_pending_entries"] == 5

        redis.xreadgroup(GROUP, "reader", {STREAM: ">"})
        pending = redis.xpending_range(STREAM, GROUP, min="-", max="+", count=100)
        redis.xack(STREAM, GROUP, *[each["message_id"] for each in pending])
        after = bus_samples(redis)
    assert after["andon_bus_unread_entries"] == after["andon_bus_pending_entries"] == 0
    assert after["andon_bus_age_seconds"] == 0


def test_a_bus_that_nobody_has_read_is_all_unread(redis_url: str) -> None:
    with Redis.from_url(redis_url) as redis:
        assert bus_samples(redis)["andon_bus_unread_entries"] == 0
        publish(redis, "signals/nobody.listens")
        assert bus_samples(redis)["andon_bus_unread_entries"] == 1


def test_prometheus_accepts_the_alert_rules() -> None:
    promtool = program("promtool", get="apt-get install prometheus")
    said = subprocess.run([promtool, "check", "rules", str(MONITORING / "alerts.yaml")], capture_output=True, text=True)
    assert said.returncode == 0, said.stdout + said.stderr


def test_every_panel_shows_the_installation_that_is_chosen() -> None:
    dashboard = json.loads((MONITORING / "dashboard.json").read_text())
    variables = {each["name"]: each for each in dashboard["templating"]["list"]}
    assert variables.keys() == {"datasource", "namespace", "installation"}
    for query in dashboard_queries():
        selectors = re.findall(r"\b(?:(?:andon|process)_[a-z_]+|up)\b(\{[^}]*\})?", query)
        for selector in selectors:
            assert 'namespace=~"$namespace"' in selector, query
            assert 'installation=~"$installation"' in selector, query


def test_the_dashboard_is_one_that_grafana_loads() -> None:
    dashboard = json.loads((MONITORING / "dashboard.json").read_text())
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(ids) == len(set(ids))
    assert dashboard["schemaVersion"] >= 36
    for panel in dashboard["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24, panel["title"]
        assert panel["type"] in {"row", "timeseries", "stat"}
        for target in panel.get("targets", []):
            assert target["datasource"]["uid"] == "${datasource}"


def test_the_scalers_query_counts_runs_that_are_queued_or_running(database_url: str) -> None:
    scaling = yaml.safe_load_all((ROOT / "deploy/kustomize/components/keda/scaling.yaml").read_text())
    query = next(
        each["spec"]["triggers"][0]["metadata"]["query"]
        for each in scaling
        if each["kind"] == "ScaledObject" and each["metadata"]["name"] == "andon-worker"
    )
    with psycopg.connect(database_url, autocommit=True) as connection:
        for number, status in enumerate(("queued", "running", "cancelling", "waiting", "completed"), 1):
            connection.execute(
                "INSERT INTO andon.runs (id, tenant, function_id, event_seq, status)"
                " VALUES (gen_random_uuid(), 'default', 'f', %s, %s)",
                [number, status],
            )
        assert connection.execute(query).fetchone() == (3,)
