"""Make the Helm chart of the manifests in deploy/kustomize/base, so that the two agree: `python deploy/helm/make.py`.

The chart keeps to placeholders of values, one loop and one checksum; a test renders it without Helm, and compares.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

DEPLOY = Path(__file__).resolve().parents[1]
BASE = DEPLOY / "kustomize" / "base"
CHART = DEPLOY / "helm" / "andon"
HEADER = "# Made by deploy/helm/make.py of deploy/kustomize/base: change it there, and run that.\n"
FILES = ("accounts", "storage", "migrate", "api", "dispatcher", "worker", "prune", "network")
LABELS = {"app.kubernetes.io/part-of": "andon", "app.kubernetes.io/instance": "{{ .Release.Name }}"}
CHECKSUM = {"checksum/settings": "{{ .Values.settings | toJson | sha256sum }}"}
SETTINGS = """apiVersion: v1
kind: ConfigMap
metadata:
  name: andon
  labels:
    app.kubernetes.io/part-of: andon
    app.kubernetes.io/instance: '{{ .Release.Name }}'
data:
{{- range $name, $value := .Values.settings }}
  {{ $name }}: {{ $value | quote }}
{{- end }}
"""


def settings() -> dict[str, str]:
    """The ConfigMap `andon` of the base."""
    [made] = yaml.safe_load((BASE / "kustomization.yaml").read_text())["configMapGenerator"]
    return dict(line.split("=", 1) for line in made["literals"])


def values() -> dict[str, Any]:
    """What an installation may set, with what the base has."""
    replicas = {each: documents(each)[0]["spec"]["replicas"] for each in ("api", "dispatcher", "worker")}
    claim = documents("storage")[0]["spec"]["resources"]["requests"]["storage"]
    return {
        "images": {"api": "andon-api:dev", "worker": "andon-worker:dev"},
        "replicas": replicas,
        "storage": {"size": claim},
        "secrets": {"stores": "andon-stores"},
        "settings": settings(),
    }


def documents(name: str) -> list[dict[str, Any]]:
    """A file of the base."""
    return [each for each in yaml.safe_load_all((BASE / f"{name}.yaml").read_text()) if each]


def template(name: str) -> str:
    """The chart's template of a file of the base."""
    return HEADER + yaml.safe_dump_all([_filled(name, each) for each in documents(name)], sort_keys=False, width=200)


def _filled(name: str, each: dict[str, Any]) -> dict[str, Any]:
    each["metadata"].setdefault("labels", {}).update(LABELS)
    if each["kind"] == "Deployment":
        each["spec"]["replicas"] = f"{{{{ .Values.replicas.{name} }}}}"
    if each["kind"] == "Job":  # a Job can't be changed: each release has one of its own
        each["metadata"]["name"] += "-{{ .Release.Revision }}"
        del each["metadata"]["annotations"]
    if each["kind"] == "PersistentVolumeClaim":
        each["spec"]["resources"]["requests"]["storage"] = "{{ .Values.storage.size }}"
    for pod in _templates(each):
        pod["metadata"]["labels"].update(LABELS)
        if each["kind"] == "Deployment":
            pod["metadata"]["annotations"] = dict(CHECKSUM)
        for container in pod["spec"]["containers"]:
            container["image"] = f"{{{{ .Values.images.{container['image'].removeprefix('andon-')} }}}}"
        for volume in pod["spec"]["volumes"]:
            for source in volume.get("projected", {}).get("sources", []):
                source["secret"]["name"] = "{{ .Values.secrets.stores }}"
    return each


def _templates(each: dict[str, Any]) -> list[dict[str, Any]]:
    spec = each.get("spec", {}) if each["kind"] in {"Deployment", "Job", "CronJob"} else {}
    found = spec.get("jobTemplate", {}).get("spec", spec).get("template")
    return [found] if found else []


def chart() -> dict[str, str]:
    """Every file of the chart, by its path in it."""
    unquoted = re.compile(r"'(\{\{ \.Values\.replicas\.\w+ \}\})'")  # a number is none in quotes
    made = {f"templates/{name}.yaml": unquoted.sub(r"\1", template(name)) for name in FILES}
    made["templates/settings.yaml"] = HEADER + SETTINGS
    made["values.yaml"] = HEADER + yaml.safe_dump(values(), sort_keys=False)
    return made


if __name__ == "__main__":
    for path, text in chart().items():
        (CHART / path).write_text(text)
