"""The whole report as one JSON document: what every file of it is made from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from andon.reports import ReportOptions
from andon_worker.hybrid_report.narrative import narrate

FORMAT_VERSION = 1

Document = dict[str, Any]


def make_document(
    title: str,
    dataset: Mapping[str, Any],
    options: ReportOptions,
    results: Mapping[str, dict[str, Any]],
    generated_at: str,
) -> Document:
    """`{formatVersion, title, generatedAt, dataset, options, narrative, sections}`.

    `dataset` is what the API says of it, with `name` if it has one; `generated_at` an RFC 3339 time, given from
    outside so that a rerun of this step makes the same files. The sections keep the order of the options.
    """
    ordered = {name: results[name] for name in options.sections if name in results}
    return {
        "formatVersion": FORMAT_VERSION,
        "title": title,
        "generatedAt": generated_at,
        "dataset": dict(dataset),
        "options": options.to_json(),
        "narrative": narrate(ordered),
        "sections": ordered,
    }


def render_json(document: Document, path: Path) -> None:
    """Write `report.json`."""
    path.write_text(json.dumps(document, ensure_ascii=False, indent=1, allow_nan=False) + "\n", encoding="utf-8")
