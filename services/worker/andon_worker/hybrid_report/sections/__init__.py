"""The report's sections, in the order in which they are computed and shown.

A section is a module here with a `SECTION`, and its name in `andon.reports.SECTIONS`, which the API knows too.
"""

from __future__ import annotations

from importlib import import_module

from andon.reports import SECTIONS as NAMES
from andon_worker.hybrid_report.section import Section


def _section(name: str) -> Section:
    found = import_module(f"{__name__}.{name}").SECTION
    assert isinstance(found, Section)
    return found


SECTIONS: dict[str, Section] = {name: _section(name) for name in NAMES}
