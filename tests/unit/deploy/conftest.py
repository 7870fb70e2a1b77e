"""The files under deploy/, as they are read by what they are for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

DEPLOY = Path(__file__).resolve().parents[3] / "deploy"
BUILD_KINDS = {"Kustomization", "Component"}
POD_SPECS = {
    "Deployment": ("spec", "template", "spec"),
    "StatefulSet": ("spec", "template", "spec"),
    "Job": ("spec", "template", "spec"),
    "CronJob": ("spec", "jobTemplate", "spec", "template", "spec"),
}


def documents(folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every manifest below a folder, named by file and object; what tells kustomize how to build is left out."""
    for path in sorted(folder.rglob("*.yaml")):
        for each in yaml.load_all(path.read_text(), yaml.CSafeLoader):
            if each is not None and each["kind"] not in BUILD_KINDS:
                name = f"{path.relative_to(folder)}:{each['kind']}/{each['metadata']['name']}"
                yield name, each


def pod_spec(manifest: dict[str, Any]) -> dict[str, Any] | None:
    """The pods that a manifest makes; None for one that makes none."""
    found: Any = manifest
    for key in POD_SPECS.get(manifest["kind"], ()):
        found = found[key]
    return None if found is manifest else found


def literals(kustomization: Path) -> dict[str, str]:
    """The settings in a kustomization's ConfigMap `andon`."""
    made = yaml.safe_load(kustomization.read_text())["configMapGenerator"]
    lines = next(each["literals"] for each in made if each["name"] == "andon")
    return dict(line.split("=", 1) for line in lines)


@pytest.fixture(scope="session")
def manifests() -> dict[str, dict[str, Any]]:
    """Every manifest of every overlay and component, before kustomize renames and merges."""
    return dict(documents(DEPLOY / "kustomize"))


@pytest.fixture(scope="session")
def compose() -> dict[str, Any]:
    """The compose file, its merge keys applied."""
    found: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    return found
