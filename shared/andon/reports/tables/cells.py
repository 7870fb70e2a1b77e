"""What a single cell of a delimited file looks like."""

from __future__ import annotations

import re

from andon.reports.values import missing, numbers

PLAIN = re.compile(r"-?\d+(\.\d+)?")
NUMBER = re.compile(r"[-+]?(\d[\d,]*)?\.?\d+([eE][-+]?\d+)?%?")
YEAR = re.compile(r"1[89]\d\d|2[01]\d\d")
TIME = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}(?:[ T]\d\d?:\d\d.*)?|\d{1,2}:\d\d(?::\d\d)?")


def is_typed(cell: str) -> bool:
    """Whether a cell is a number, a day, a time or a spelling of no value rather than words."""
    text = cell.strip()
    unit = numbers.affix(text) if text else ""
    return unit == "" or numbers.is_money(unit) or bool(TIME.fullmatch(text)) or missing.is_token(text)
