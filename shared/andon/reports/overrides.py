"""What an upload's user says of how the file is written, over what would be judged."""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from typing import Any

from andon.reports.errors import InvalidOptions

_EXPECTED = {
    "encoding": "the name of an encoding, as cp1251",
    "delimiter": "one character",
    "quote": "one character",
    "comment": "what lines begin with that are none of the table, or an empty string if there are none",
    "header": "true or false",
    "sheet": "the name of a sheet of the workbook",
    "firstLine": "the number of the line that the table begins on, from 1",
    "firstColumn": "the number of the column that the table begins in, from 1",
    "lastLine": "the number of the line that the table ends on, from 1",
    "filledDown": "a list of the columns in which an empty cell holds what stands above it; empty if none does",
    "ragged": "true or false",
}
_LONGEST_COMMENT = 10


def parse_overrides(raw: object) -> dict[str, Any]:
    """What is given of `_EXPECTED`, each left out where it is to be judged.

    `ragged` says whether rows may have fewer cells than the header.

    Raises `InvalidOptions` with everything that is wrong, at once.
    """
    if not isinstance(raw, Mapping):
        raise InvalidOptions([("/reading", "expected an object")])
    problems = []
    for key, value in raw.items():
        if key not in _EXPECTED:
            problems.append((f"/reading/{key}", f"unknown; expected one of {', '.join(_EXPECTED)}"))
        elif not _valid(key, value):
            problems.append((f"/reading/{key}", f"expected {_EXPECTED[key]}"))
    if problems:
        raise InvalidOptions(problems)
    return dict(raw)


def _valid(key: str, value: object) -> bool:
    if key in {"header", "ragged"}:
        return isinstance(value, bool)
    if key == "filledDown":
        return isinstance(value, list) and all(isinstance(each, str) for each in value)
    if key in {"firstLine", "firstColumn", "lastLine"}:
        return isinstance(value, int) and not isinstance(value, bool) and value > 0
    if key == "comment":
        return isinstance(value, str) and len(value) <= _LONGEST_COMMENT and value.isprintable()
    if not isinstance(value, str) or not value:
        return False
    if key == "encoding":
        try:
            "".encode(codecs.lookup(value).name)
        except (LookupError, UnicodeError):
            return False
        return True
    return key == "sheet" or (len(value) == 1 and value not in "\r\n")
