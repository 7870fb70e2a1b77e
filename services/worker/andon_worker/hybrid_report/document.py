"""The whole report as one JSON document: what every file of it is made from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from andon.reports import ReportOptions
from andon_worker.hybrid_report.changes import Digest, changes, digest
from andon_worker.hybrid_report.findings import key_findings
from andon_worker.hybrid_report.naming import Names
from andon_worker.hybrid_report.sections import SECTIONS
from andon_worker.hybrid_report.wording import LOCALES, one_way

FORMAT_VERSION = 2

Document = dict[str, Any]


def make_document(
    title: str,
    dataset: Mapping[str, Any],
    options: ReportOptions,
    results: Mapping[str, dict[str, Any]],
    generated_at: str,
    previous: Digest | None = None,
) -> Document:
    """`{formatVersion, title, generatedAt, dataset, options, narrative, sections, changes}`.

    `dataset` is what the API says of it, with `name` if it has one; `generated_at` an RFC 3339 time, given from
    outside so that a rerun of this step makes the same files. The sections keep the order of the options. The
    narrative is `{keyFindings: [{text, section, figure, effect}], sections: {name: [sentence]}}`; a figure is named by
    the key that its id in the page ends in. `changes` compares with the `digest` of the report's last run, `previous`;
    null without one.
    """
    ordered = {name: results[name] for name in options.sections if name in results}
    wording = LOCALES[options.locale]
    names = Names(dataset.get("columns", ()))
    told = {
        name: [replace(each, text=names.sentence(each.text)) for each in SECTIONS[name].sentences(result, wording)]
        for name, result in ordered.items()
    }
    document: Document = {
        "formatVersion": FORMAT_VERSION,
        "title": title,
        "generatedAt": generated_at,
        "dataset": dict(dataset),
        "options": options.to_json(),
        "narrative": {
            "keyFindings": key_findings(told),
            "sections": {name: [one_way(sentence.text) for sentence in sentences] for name, sentences in told.items()},
        },
        "sections": ordered,
    }
    return document | {"changes": changes(previous, digest(document))}


def render_json(document: Document, path: Path) -> None:
    """Write `report.json`."""
    path.write_text(json.dumps(document, ensure_ascii=False, indent=1, allow_nan=False) + "\n", encoding="utf-8")
