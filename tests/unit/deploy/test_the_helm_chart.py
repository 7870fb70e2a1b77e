"""The chart is that of the base: rendered by the little of Helm's language that it uses, and by Helm where it is."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import re
import shutil
import subprocess
from collections.abc import Mapping
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from .conftest import DEPLOY, documents

CHART = DEPLOY / "helm" / "andon"
BASE = DEPLOY / "kustomize" / "base"
RELEASE = {"Name": "reports", "Revision": "7"}
OURS = {"app.kubernetes.io/part-of", "app.kubernetes.io/instance"}
LOOP = re.compile(r"\{\{- range \$name, \$value := \.Values\.(\w+) \}\}\n(.*?)\n\{\{- end \}\}\n", re.DOTALL)


def make() -> Any:
    """The script that makes the chart."""
    spec = importlib.util.spec_from_file_location("make_chart", DEPLOY / "helm" / "make.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def render(text: str, values: Mapping[str, Any], release: Mapping[str, str]) -> str:
    """`text` as Helm renders it. What this doesn't know stays, and is no YAML of ours."""

    def looped(found: re.Match[str]) -> str:
        lines = sorted(values[found[1]].items())
        body = found[2].replace("{{ $name }}", "%s").replace("{{ $value | quote }}", "%s")
        return "".join(body % (name, json.dumps(str(value))) + "\n" for name, value in lines)

    def value(found: re.Match[str]) -> str:
        at: Any = {"Values": values, "Release": release}
        for part in found[1].split("."):
            at = at[part]
        return str(at)

    text = LOOP.sub(looped, text)
    settings = json.dumps(values["settings"], sort_keys=True, separators=(",", ":"))
    checksum = hashlib.sha256(settings.encode()).hexdigest()
    text = text.replace("{{ .Values.settings | toJson | sha256sum }}", checksum)
    return re.sub(r"\{\{ \.([\w.]+) \}\}", value, text)


def rendered(release: Mapping[str, str] = RELEASE, **changes: Any) -> dict[str, dict[str, Any]]:
    """Every object of the chart, with its values or others."""
    values = {**yaml.safe_load((CHART / "values.yaml").read_text()), **changes}
    found = {}
    for path in sorted((CHART / "templates").glob("*.yaml")):
        text = render(path.read_text(), values, release)
        assert "{{" not in text, path.name
        for each in yaml.safe_load_all(text):
            found[f"{each['kind']}/{each['metadata']['name']}"] = each
    return found


def test_the_chart_is_made_of_the_base_as_it_is() -> None:
    for path, text in make().chart().items():
        assert (CHART / path).read_text() == text, f"{path}: run python deploy/helm/make.py"


def test_rendered_with_its_own_values_it_is_the_base() -> None:
    chart = rendered()
    base = {f"{each['kind']}/{each['metadata']['name']}": each for _, each in documents(BASE)}
    del base["Namespace/andon"]
    base["Job/andon-migrate-7"] = base.pop("Job/andon-migrate")
    settings = chart.pop("ConfigMap/andon")
    assert settings["data"] == make().settings()
    assert chart.keys() == base.keys()
    for name, each in chart.items():
        assert plain(each) == plain(base[name]), name


def test_values_reach_what_they_are_for() -> None:
    chart = rendered(
        images={"api": "r.example/api@sha256:1", "worker": "r.example/worker@sha256:2"},
        replicas={"api": 5, "dispatcher": 3, "worker": 20},
        secrets={"stores": "mine"},
        settings={**make().settings(), "ANDON_LANES": "4"},
    )
    worker = chart["Deployment/andon-worker"]["spec"]
    assert worker["replicas"] == 20
    pod = worker["template"]
    assert pod["spec"]["containers"][0]["image"] == "r.example/worker@sha256:2"
    assert (
        chart["Deployment/andon-api"]["spec"]["template"]["spec"]["containers"][0]["image"] == "r.example/api@sha256:1"
    )
    assert pod["spec"]["volumes"][-1]["projected"]["sources"] == [{"secret": {"name": "mine"}}]
    assert chart["ConfigMap/andon"]["data"]["ANDON_LANES"] == "4"
    before = rendered()["Deployment/andon-worker"]["spec"]["template"]["metadata"]["annotations"]
    assert pod["metadata"]["annotations"] != before, "a changed setting rolls the pods"


def test_helm_renders_the_same() -> None:
    if shutil.which("helm") is None:
        pytest.skip("helm is not installed; the chart was rendered without it")
    words = ["helm", "template", RELEASE["Name"], str(CHART)]
    made = subprocess.run(words, capture_output=True, text=True, timeout=60)
    assert made.returncode == 0, made.stderr
    first = {**RELEASE, "Revision": "1"}  # `helm template` knows of no other
    helms = {f"{each['kind']}/{each['metadata']['name']}": each for each in yaml.safe_load_all(made.stdout) if each}
    assert helms == rendered(first)


def plain(each: Any) -> Any:
    """Without what the chart and kustomize put in at times of their own: images' names, the installation's labels."""
    if isinstance(each, dict):
        kept = {key: plain(value) for key, value in each.items() if key not in {*OURS, "annotations", "image"}}
        if each.get("kind") == "Job":
            kept["metadata"] = {**kept["metadata"], "name": "andon-migrate"}
        return {key: value for key, value in kept.items() if value != {}}
    return [plain(one) for one in each] if isinstance(each, list) else each
