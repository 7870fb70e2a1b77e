"""docs/operations.md has every setting and every alert, and no other."""

from __future__ import annotations

import re
from pathlib import Path

import yaml  # type: ignore[import-untyped]

from andon.settings import Settings

from .conftest import DEPLOY

PAGE = (DEPLOY.parent / "docs" / "operations.md").read_text()
ALERTS = yaml.safe_load((DEPLOY / "monitoring" / "alerts.yaml").read_text())["groups"][0]["rules"]


def shown(value: object) -> str:
    return ",".join(value) if isinstance(value, tuple) else str(value)


def defaults(page: str) -> dict[str, str]:
    """Those of the settings that a page's table names; one without a default has `none`, or nothing."""
    listed = dict(re.findall(r"^\| `([A-Z_]+)` \| (`[^`]*`|none) \|", page, re.MULTILINE))
    return {name: value.strip("`").removeprefix("none") for name, value in listed.items()}


def test_every_setting_is_listed_with_its_default() -> None:
    fields = Settings.__dataclass_fields__
    wanted = {
        "PORT" if name == "port" else f"ANDON_{name.upper()}": shown(field.default) for name, field in fields.items()
    }
    assert defaults(PAGE) == wanted


def test_the_page_on_security_repeats_the_same_defaults() -> None:
    repeated = defaults((DEPLOY.parent / "docs" / "security.md").read_text())
    assert repeated
    assert repeated.items() <= defaults(PAGE).items()


def test_every_alert_has_its_cause_check_and_remedy() -> None:
    sections = dict(re.findall(r"^### (\w+)\n((?:(?!^#).*\n)+)", PAGE, re.MULTILINE))
    assert sections.keys() == {each["alert"] for each in ALERTS}
    for name, text in sections.items():
        assert all(f"**{part}:**" in text for part in ("Cause", "Check", "Remedy")), name


def test_every_alert_leads_to_its_section() -> None:
    for each in ALERTS:
        assert each["annotations"]["runbook"] == f"docs/operations.md#{each['alert'].lower()}"
        assert each["annotations"]["summary"]
        assert each["labels"]["severity"] in {"warning", "critical"}


def test_every_file_that_the_page_names_exists() -> None:
    for path in re.findall(r"\bdeploy/[\w./-]+", PAGE):
        assert (DEPLOY.parent / path).exists(), path
    assert Path(DEPLOY.parent / "docs" / "metrics.md").exists()
