"""What the manifests promise: valid without a cluster, restricted, and in step with the processes they start."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import warnings
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]
from typer.testing import CliRunner

from andon.cli.app import app
from andon.settings import Settings
from andon_api.asks import inspections
from andon_api.asks.uploads import FRAME_BYTES
from andon_api.http.prefer_wait import LONGEST
from andon_api.server import Server

from .conftest import DEPLOY, documents, literals, pod_spec

KUSTOMIZE = DEPLOY / "kustomize"
BASE = KUSTOMIZE / "base"
OVERLAYS = ["base", "overlays/dev", "overlays/production"]
CUSTOM = {"ScaledObject", "TriggerAuthentication", "ServiceMonitor", "PrometheusRule"}
# What an installation makes itself, because it is secret.
ROLES = "andon-database"
SECRETS = {"andon-database", "andon-stores"}
PROCESSES = ["api", "dispatcher", "worker"]
GIB = 2**30

Manifests = dict[str, dict[str, Any]]


def named(manifests: Manifests, kind: str) -> dict[str, dict[str, Any]]:
    return {each["metadata"]["name"]: each for each in manifests.values() if each["kind"] == kind}


def base(kind: str) -> dict[str, dict[str, Any]]:
    return named(dict(documents(BASE)), kind)


def test_every_core_object_fits_kubernetes_own_schema(manifests: Manifests) -> None:
    validator = import_module("kubernetes_validate")
    for name, each in manifests.items():
        if each["kind"] in CUSTOM:
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                validator.validate(each, desired_version=validator.latest_version(), strict=True)
            except validator.ValidationError as error:
                pytest.fail(f"{name}: {error}")


def test_a_kind_that_kubernetes_does_not_define_is_one_that_is_checked_here(manifests: Manifests) -> None:
    core = {"v1", "apps/v1", "autoscaling/v2", "batch/v1", "policy/v1", "networking.k8s.io/v1"}
    others = {each["kind"] for each in manifests.values() if each["apiVersion"] not in core}
    assert others == CUSTOM


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_each_overlay_renders(overlay: str) -> None:
    if shutil.which("kubectl") is None:
        pytest.skip("kubectl is not installed; sources are checked without it")
    built = subprocess.run(["kubectl", "kustomize", str(KUSTOMIZE / overlay)], capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    rendered = [each for each in yaml.safe_load_all(built.stdout) if each]
    kinds = {each["kind"] for each in rendered}
    assert {"Deployment", "Job", "CronJob", "NetworkPolicy", "PodDisruptionBudget", "ConfigMap"} <= kinds
    images = re.findall(r"image: (\S+)", built.stdout)
    assert images
    assert all(":" in image.rsplit("/", 1)[-1] for image in images), "an image without a tag is whatever comes next"
    ours = [image for image in images if re.search("andon-(api|worker)", image)]
    assert overlay != "overlays/production" or all("@sha256:" in image for image in ours), "a tag can be moved"


def rendered(folder: Path, *components: str) -> list[dict[str, Any]]:
    """What an overlay like those here makes of the base with these components."""
    if shutil.which("kubectl") is None:
        pytest.skip("kubectl is not installed")
    build = {
        "namespace": "andon",
        "resources": [os.path.relpath(BASE, folder.resolve())],
        "components": [os.path.relpath(KUSTOMIZE / "components" / each, folder.resolve()) for each in components],
        "configMapGenerator": [{"name": "andon", "behavior": "merge", "literals": ["ANDON_LOG_LEVEL=DEBUG"]}],
    }
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(build))
    built = subprocess.run(["kubectl", "kustomize", str(folder)], capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    return [each for each in yaml.safe_load_all(built.stdout) if each]


def containers(manifests: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Each Deployment's container."""
    return {
        each["metadata"]["name"]: each["spec"]["template"]["spec"]["containers"][0]
        for each in manifests
        if each["kind"] == "Deployment"
    }


def test_a_pool_of_workers_takes_its_queue_from_those_of_the_base(tmp_path: Path) -> None:
    made = containers(rendered(tmp_path, "heavy-workers"))
    for name, queues in {"andon-worker": "default", "andon-worker-heavy": "heavy"}.items():
        assert {"name": "ANDON_QUEUES", "value": queues} in made[name]["env"]
        assert made[name]["envFrom"] == made["andon-worker"]["envFrom"], "both have the settings of the base"


def test_every_process_is_told_of_the_collector_and_may_reach_it(tmp_path: Path) -> None:
    made = rendered(tmp_path, "heavy-workers", "tracing")
    [settings] = [each["data"] for each in made if each["metadata"]["name"] == "andon-tracing"]
    [policy] = [each["spec"] for each in made if each["metadata"]["name"] == "allow-collector"]
    [port] = policy["egress"][0]["ports"]
    assert settings["OTEL_EXPORTER_OTLP_ENDPOINT"].endswith(f":{port['port']}")
    found = containers(made)
    assert found.keys() == {"andon-api", "andon-dispatcher", "andon-worker", "andon-worker-heavy"}
    for name, container in found.items():
        assert {"configMapRef": {"name": "andon-tracing"}} in container["envFrom"], name


def test_metrics_are_on_a_port_that_only_prometheus_reaches(tmp_path: Path) -> None:
    made = rendered(tmp_path, "monitoring", "ingress", "heavy-workers")
    for name, container in containers(made).items():
        ports = {each["name"]: each["containerPort"] for each in container["ports"]}
        told = {each["name"]: each["value"] for each in container["env"]}
        assert told["ANDON_HEALTH_PORT"] == str(ports["health"]), name
    [monitor] = [each["spec"] for each in made if each["kind"] == "ServiceMonitor"]
    assert [each["port"] for each in monitor["endpoints"]] == ["health"]
    [ingress] = [each["spec"] for each in made if each["kind"] == "Ingress"]
    backends = [path["backend"]["service"] for rule in ingress["rules"] for path in rule["http"]["paths"]]
    assert backends == [{"name": "andon-api", "port": {"name": "http"}}]
    policies = {each["metadata"]["name"]: each["spec"] for each in made if each["kind"] == "NetworkPolicy"}
    for name, policy in policies.items():
        opened = {port["port"] for rule in policy.get("ingress", []) for port in rule["ports"]}
        assert name == "allow-metrics" or not opened & {"health", 9100}, name
    assert policies["allow-metrics"]["ingress"][0]["ports"] == [{"protocol": "TCP", "port": "health"}]


def test_with_files_in_s3_there_is_no_shared_volume_and_a_way_to_the_bucket(tmp_path: Path) -> None:
    made = rendered(tmp_path, "storage-s3")
    assert not [each for each in made if each["kind"] == "PersistentVolumeClaim"]
    for each in made:
        spec = pod_spec(each) or {}
        assert all("persistentVolumeClaim" not in volume for volume in spec.get("volumes", [])), each["metadata"]
        for container in spec.get("containers", []):
            assert [mount["mountPath"] for mount in container["volumeMounts"]].count("/var/lib/andon") == 0
    [settings] = [each["data"] for each in made if each["kind"] == "ConfigMap" and "ANDON_HOST" in each["data"]]
    assert settings["ANDON_STORAGE_URL"].startswith("s3://")
    assert way_out(made, "allow-storage-s3") == ({"andon-api", "andon-worker", "andon-prune"}, {443})


@pytest.mark.parametrize("before", [(), ("heavy-workers",), ("heavy-workers", "operator", "database-roles", "backup")])
def test_every_volume_that_a_pod_mounts_is_there_with_files_in_s3_too(tmp_path: Path, before: tuple[str, ...]) -> None:
    made = rendered(tmp_path, *before, "storage-s3")
    claims = {each["metadata"]["name"] for each in made if each["kind"] == "PersistentVolumeClaim"}
    for each in made:
        spec = pod_spec(each) or {}
        volumes = {volume["name"]: volume for volume in spec.get("volumes", [])}
        named = {
            one["persistentVolumeClaim"]["claimName"] for one in volumes.values() if "persistentVolumeClaim" in one
        }
        assert named <= claims, each["metadata"]["name"]
        for container in spec.get("containers", []):
            assert {mount["name"] for mount in container["volumeMounts"]} == volumes.keys(), each["metadata"]["name"]


def test_each_way_out_is_a_component_of_its_own(tmp_path: Path) -> None:
    made = rendered(tmp_path, "pgbouncer", "functions-egress", "webhooks-egress")
    assert way_out(made, "allow-pgbouncer") == ({"andon-api", "andon-dispatcher", "andon-worker"}, {6432}), (
        "what needs a session of its own goes to Postgres itself"
    )
    assert way_out(made, "allow-functions-egress") == ({"andon-worker"}, {443, 80})
    assert way_out(made, "allow-webhooks-egress") == ({"andon-dispatcher"}, {443})
    for name in ("allow-functions-egress", "allow-webhooks-egress"):
        [policy] = [each["spec"] for each in made if each["metadata"]["name"] == name]
        [v4, _] = policy["egress"][0]["to"]
        assert "169.254.0.0/16" in v4["ipBlock"]["except"], "the cloud's metadata"


def way_out(made: list[dict[str, Any]], name: str) -> tuple[set[str], set[int]]:
    """Who may go out by this policy, and to which ports."""
    [policy] = [each["spec"] for each in made if each["metadata"]["name"] == name]
    assert policy["policyTypes"] == ["Egress"]
    [expression] = policy["podSelector"]["matchExpressions"]
    return set(expression["values"]), {each["port"] for each in policy["egress"][0]["ports"]}


def test_the_api_is_scaled_and_nothing_else_says_how_many_there_are(tmp_path: Path) -> None:
    made = rendered(tmp_path, "autoscaling")
    [scaler] = [each["spec"] for each in made if each["kind"] == "HorizontalPodAutoscaler"]
    [api] = [each for each in made if each["kind"] == "Deployment" and each["metadata"]["name"] == "andon-api"]
    assert scaler["scaleTargetRef"] == {key: api[key] for key in ("apiVersion", "kind")} | {"name": "andon-api"}
    assert "replicas" not in api["spec"]
    assert scaler["minReplicas"] >= 2


def test_a_long_grace_reaches_every_pool_of_workers_and_fits_the_pods(tmp_path: Path) -> None:
    made = rendered(tmp_path, "heavy-workers", "long-grace")
    for each in made:
        if each["kind"] == "Deployment" and each["metadata"]["name"].startswith("andon-worker"):
            spec = each["spec"]["template"]["spec"]
            env = {one["name"]: one["value"] for one in spec["containers"][0]["env"]}
            told = {name: env[name] for name in ("ANDON_SHUTDOWN_SECONDS", "ANDON_STEP_GRACE_SECONDS")}
            settings = Settings.from_env(told)
            assert settings.step_grace_seconds >= 25 * 60
            assert spec["terminationGracePeriodSeconds"] >= settings.shutdown_seconds + 10


def test_a_new_versions_job_replaces_the_one_before_under_argo_and_flux() -> None:
    notes = base("Job")["andon-migrate"]["metadata"]["annotations"]
    assert notes["argocd.argoproj.io/hook"] == "Sync"
    assert notes["argocd.argoproj.io/hook-delete-policy"] == "BeforeHookCreation"
    assert notes["kustomize.toolkit.fluxcd.io/force"] == "enabled"


def told(folder: Path) -> Settings:
    """The settings in a kustomization; the folder of secrets is in pods only."""
    found = literals(folder / "kustomization.yaml")
    return Settings.from_env({name: value for name, value in found.items() if name != "ANDON_SECRETS"})


def test_secrets_are_mounted_where_the_settings_say(manifests: Manifests) -> None:
    where = literals(BASE / "kustomization.yaml")["ANDON_SECRETS"]
    for name, each in manifests.items():
        spec = pod_spec(each) or {}
        if any("projected" in volume for volume in spec.get("volumes", [])):
            for container in spec["containers"]:
                mounts = {mount["name"]: mount for mount in container["volumeMounts"]}
                assert mounts["secrets"] == {"name": "secrets", "mountPath": where, "readOnly": True}, name


def test_what_the_limits_let_in_has_room(manifests: Manifests) -> None:
    settings = told(BASE)
    rooms = {}
    for name, each in named(manifests, "Deployment").items():
        spec = each["spec"]["template"]["spec"]
        volumes = {volume["name"]: volume for volume in spec.get("volumes", [])}
        if name.startswith(("andon-api", "andon-worker")):
            rooms[name] = size(volumes["tmp"]["emptyDir"]["sizeLimit"])
            assert size(spec["containers"][0]["resources"]["limits"]["ephemeral-storage"]) > rooms[name], name
    for name, room in rooms.items():
        if name.startswith("andon-worker"):  # the upload, unpacked, and once more in UTF-8
            assert room >= settings.upload_limit_bytes + 2 * settings.unpacked_limit_bytes, name
        if name.startswith("andon-worker"):
            assert room >= settings.artifact_limit_bytes, name
    bodies = Server(settings, schema_fits=True).most_of_bodies
    assert rooms["andon-api"] >= 2 * bodies, "what arrives, and once more as a file"
    [api] = base("Deployment")["andon-api"]["spec"]["template"]["spec"]["containers"]
    read_at_once = inspections.AT_ONCE * inspections.MEMORY_BYTES
    assert size(api["resources"]["limits"]["memory"]) >= read_at_once + GIB, "what is read must not bring the pod down"
    proxy = named(manifests, "Ingress")["andon-api"]["metadata"]["annotations"]
    assert size(proxy["nginx.ingress.kubernetes.io/proxy-body-size"]) >= settings.upload_limit_bytes + FRAME_BYTES
    patience = float(proxy["nginx.ingress.kubernetes.io/proxy-read-timeout"])
    assert patience > max(settings.inspection_seconds, LONGEST), "else the proxy gives up on what the API still does"


def test_what_the_limits_let_in_has_room_in_compose_too(compose: dict[str, Any]) -> None:
    shared = compose["x-andon"]
    settings = Settings.from_env(shared["environment"])
    [mount] = shared["tmpfs"]
    options = dict(each.split("=") for each in mount.partition(":")[2].split(","))
    assert size(options["size"]) >= settings.upload_limit_bytes + 2 * settings.unpacked_limit_bytes


def size(text: str) -> int:
    """Bytes, as Kubernetes and nginx write them."""
    number, unit = re.fullmatch(r"(\d+)([KMGkmg]?)i?", text).groups()  # type: ignore[union-attr]
    return int(number) * int(1024 ** " kmg".index(unit.lower() or " "))


def test_every_file_that_a_kustomization_names_is_there_and_every_manifest_is_named() -> None:
    for path in [*KUSTOMIZE.rglob("kustomization.yaml"), DEPLOY / "monitoring" / "kustomization.yaml"]:
        build = yaml.safe_load(path.read_text())
        wanted = [*build.get("resources", []), *build.get("components", [])]
        for generator in [*build.get("configMapGenerator", []), *build.get("secretGenerator", [])]:
            wanted += [each.split("=")[-1] for each in generator.get("files", [])]
        missing = [each for each in wanted if not (path.parent / each).exists()]
        assert not missing, f"{path}: {missing}"
        if path.is_relative_to(KUSTOMIZE):
            unused = {each.name for each in path.parent.glob("*.yaml")} - {Path(each).name for each in wanted}
            assert unused == {"kustomization.yaml"}, f"{path}: {unused}"


def test_every_pod_is_restricted_and_has_no_token(manifests: Manifests) -> None:
    pods = {name: spec for name, each in manifests.items() if (spec := pod_spec(each)) is not None}
    assert len(pods) >= 7
    for name, spec in pods.items():
        assert spec["automountServiceAccountToken"] is False, name
        assert spec["securityContext"]["runAsNonRoot"] is True, name
        assert spec["securityContext"]["runAsUser"] > 0, name
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        for volume in spec.get("volumes", []):
            assert {"emptyDir", "persistentVolumeClaim", "configMap", "projected"} & volume.keys(), f"{name}: {volume}"
        for container in spec["containers"]:
            context = container["securityContext"]
            assert context["allowPrivilegeEscalation"] is False, name
            assert context["readOnlyRootFilesystem"] is True, name
            assert context["capabilities"] == {"drop": ["ALL"]}, name
            assert "memory" in container["resources"]["limits"], name
            assert "memory" in container["resources"]["requests"], name


def test_the_namespace_enforces_the_restricted_standard() -> None:
    labels = base("Namespace")["andon"]["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"


def test_service_accounts_give_no_token_and_each_pod_has_one_that_exists() -> None:
    accounts = base("ServiceAccount")
    assert all(each["automountServiceAccountToken"] is False for each in accounts.values())
    for name, each in documents(BASE):
        spec = pod_spec(each)
        assert spec is None or spec["serviceAccountName"] in accounts, name


def test_each_pod_runs_a_command_that_andon_has() -> None:
    shown = CliRunner().invoke(app, ["--help"], terminal_width=200).output
    commands = set()
    for _, each in documents(BASE):
        spec = pod_spec(each)
        commands |= {argument for container in (spec or {}).get("containers", []) for argument in container["args"]}
    assert commands == {"api", "dispatcher", "worker", "migrate", "prune"}
    absent = {command for command in commands if f" {command} " not in shown}
    assert not absent, f"andon has no {absent}"


def test_a_pods_grace_is_longer_than_the_shutdown_which_is_longer_than_a_steps_grace(compose: dict[str, Any]) -> None:
    for settings in (literals(BASE / "kustomization.yaml"), compose["x-andon"]["environment"]):
        shutdown, step = float(settings["ANDON_SHUTDOWN_SECONDS"]), float(settings["ANDON_STEP_GRACE_SECONDS"])
        assert shutdown > step
        for process, deployment in base("Deployment").items():
            # What follows the hand-over: connections are closed, the interpreter ends.
            assert deployment["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] >= shutdown + 10, process
        for service in PROCESSES:
            assert int(compose["services"][service]["stop_grace_period"].rstrip("s")) >= shutdown + 10, service


def test_every_variable_that_is_set_is_one_that_andon_reads() -> None:
    known = {"PORT" if name == "port" else f"ANDON_{name.upper()}" for name in Settings.__dataclass_fields__}
    known.add("ANDON_URL")  # commands read it
    files = [*KUSTOMIZE.rglob("*.yaml"), DEPLOY / "compose.yaml", DEPLOY / "Dockerfile"]
    for path in files:
        found = set(re.findall(r"\bANDON_[A-Z_]+", path.read_text()))
        assert found <= known, f"{path}: {found - known}"


def test_the_settings_of_the_config_map_are_accepted() -> None:
    for path in (BASE, KUSTOMIZE / "overlays/dev", KUSTOMIZE / "overlays/production"):
        settings = told(path)
        assert settings.heartbeat_seconds * 3 <= settings.lease_seconds


def test_liveness_never_asks_whether_a_store_answers() -> None:
    for name, each in base("Deployment").items():
        container = each["spec"]["template"]["spec"]["containers"][0]
        assert container["livenessProbe"]["httpGet"]["path"] == "/healthz", name
        ports = {port["name"] for port in container["ports"]}
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            assert container[probe]["httpGet"]["port"] in ports, f"{name}: {probe}"


def test_every_server_is_asked_whether_it_lives(manifests: Manifests) -> None:
    servers = {**named(manifests, "Deployment"), **named(manifests, "StatefulSet")}
    assert servers.keys() >= {"andon-postgres", "andon-redis", "andon-sentinel", "andon-redis-leader", "andon-api"}
    for name, each in servers.items():
        for container in each["spec"]["template"]["spec"]["containers"]:
            assert "livenessProbe" in container, name
            assert "readinessProbe" in container, name


def test_dispatcher_and_worker_listen_where_their_probes_ask() -> None:
    for name in ("andon-dispatcher", "andon-worker"):
        container = base("Deployment")[name]["spec"]["template"]["spec"]["containers"][0]
        set_to = {each["name"]: each["value"] for each in container["env"]}
        assert int(set_to["ANDON_HEALTH_PORT"]) == container["ports"][0]["containerPort"]


def test_two_dispatchers_stand_ready_and_every_process_survives_a_drain() -> None:
    assert base("Deployment")["andon-dispatcher"]["spec"]["replicas"] == 2
    budgets = base("PodDisruptionBudget")
    for process in PROCESSES:
        wanted = {"matchLabels": {"app.kubernetes.io/name": f"andon-{process}"}}
        assert budgets[f"andon-{process}"]["spec"]["selector"] == wanted


def test_selectors_of_services_find_the_pods_and_the_ports() -> None:
    pods = {name: each["spec"]["template"] for name, each in base("Deployment").items()}
    for name, service in base("Service").items():
        template = pods[name]
        assert service["spec"]["selector"].items() <= template["metadata"]["labels"].items()
        ports = {port["name"] for port in template["spec"]["containers"][0]["ports"]}
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= ports


def test_what_is_not_allowed_is_denied() -> None:
    policies = base("NetworkPolicy")
    closed = policies.pop("default-deny")["spec"]
    assert closed == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    for name, policy in policies.items():
        for rule in policy["spec"].get("ingress", []):
            assert rule.get("from"), f"{name} lets everyone in"
            assert rule.get("ports"), f"{name} opens every port"
        for rule in policy["spec"].get("egress", []):
            assert rule.get("ports"), f"{name} lets out to every port"


def test_secrets_are_named_and_never_kept_here(manifests: Manifests) -> None:
    assert not named(manifests, "Secret")
    for name, each in manifests.items():
        spec = pod_spec(each) or {}
        for container in spec.get("containers", []):
            assert not [source for source in container.get("envFrom", []) if "secretRef" in source], name
            assert not [one for one in container.get("env", []) if "secretKeyRef" in one.get("valueFrom", {})], name
        for volume in spec.get("volumes", []):
            for source in volume.get("projected", {}).get("sources", []):
                assert source["secret"]["name"] in SECRETS, name


def test_each_process_has_the_url_of_its_own_role(tmp_path: Path) -> None:
    made = rendered(tmp_path, "heavy-workers", "keda", "backup", "operator", "database-roles")
    keys: dict[str, str] = {}
    for each in made:
        for volume in (pod_spec(each) or {}).get("volumes", []):
            sources = [source["secret"] for source in volume.get("projected", {}).get("sources", [])]
            given = [item for source in sources for item in source.get("items", []) if source["name"] == ROLES]
            for item in given:
                assert item["path"] == "ANDON_DATABASE_URL"
                keys[each["metadata"]["name"]] = item["key"]
    assert keys == {
        "andon-api": "api",
        "andon-dispatcher": "dispatcher",
        "andon-worker": "worker",
        "andon-worker-heavy": "worker",
        "andon-migrate": "owner",
        "andon-prune": "maintenance",
        "andon-backup": "maintenance",
        "andon-operator": "maintenance",
    }
    [login] = [each["spec"]["secretTargetRef"] for each in made if each["kind"] == "TriggerAuthentication"]
    assert login == [{"parameter": "connection", "name": ROLES, "key": "worker"}]


def test_what_is_scaled_exists_and_what_a_trigger_needs_is_given(manifests: Manifests) -> None:
    needed = {"postgresql": {"query", "targetQueryValue"}}
    logins = named(manifests, "TriggerAuthentication")
    scaled = named(manifests, "ScaledObject")
    assert scaled.keys() == {"andon-worker"}
    for name, each in scaled.items():
        spec = each["spec"]
        assert spec["scaleTargetRef"]["name"] in base("Deployment"), name
        assert 1 <= spec["minReplicaCount"] <= spec["fallback"]["replicas"] <= spec["maxReplicaCount"], name
        for trigger in spec["triggers"]:
            assert needed[trigger["type"]] <= trigger["metadata"].keys(), name
            assert all(isinstance(value, str) for value in trigger["metadata"].values()), name
            assert trigger["authenticationRef"]["name"] in logins, name
            assert float(trigger["metadata"]["targetQueryValue"]) == told(BASE).lanes, (
                "a pod for each pod's worth of runs"
            )
    for login in logins.values():
        assert {each["name"] for each in login["spec"]["secretTargetRef"]} <= SECRETS


def test_the_monitor_finds_each_process_and_a_port_that_serves_metrics(manifests: Manifests) -> None:
    spec = named(manifests, "ServiceMonitor")["andon"]["spec"]
    (expression,) = spec["selector"]["matchExpressions"]
    services = base("Service")
    assert set(expression["values"]) == services.keys()
    for name, service in services.items():
        assert service["metadata"]["labels"][expression["key"]] == name
        ports = {port["name"] for port in service["spec"]["ports"]}
        assert any(endpoint["port"] in ports for endpoint in spec["endpoints"]), name
    assert {endpoint["path"] for endpoint in spec["endpoints"]} == {"/metrics"}


def test_the_operators_rules_are_those_that_prometheus_reads(manifests: Manifests) -> None:
    plain = yaml.safe_load((DEPLOY / "monitoring" / "alerts.yaml").read_text())
    assert named(manifests, "PrometheusRule")["andon"]["spec"] == plain
