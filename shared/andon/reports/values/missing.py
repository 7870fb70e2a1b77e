"""Spellings of "no value", and what in a column tells that they are that."""

from __future__ import annotations

import re
from collections.abc import Mapping

from andon.reports.duck import literal

UNSAVED = "#no result"  # of a formula in a workbook that was saved without
# In lower case. These stand for nothing wherever they are ...
_ANYWHERE = {
    *("null", "(null)", "<null>", "[null]", "\\n", "nan", "<na>", "nat", "n/a", "n.a.", "#n/a", "#na"),
    *(
        "#value!",
        "#div/0!",
        "#ref!",
        "#name?",
        "#num!",
        "#null!",
        UNSAVED,
        "#n/a n/a",
        "1.#qnan",
        "-1.#qnan",
        "1.#ind",
        "-1.#ind",
    ),
}
# ... these beside words that aren't like them ...
_NA = {"na"}
_MARKS = {".", "..", "...", "-", "--", "---", "–", "—", "?", "??", "*", "/", "…"}
# ... and these only among numbers and dates, where no word could be meant.
_NO_NUMBERS = {
    *(
        "none",
        "nil",
        "missing",
        "unknown",
        "undefined",
        "tbd",
        "tba",
        "tbc",
        "empty",
        "blank",
        "nodata",
        "no data",
        "nd",
    ),
    *("not available", "not applicable", "n.d.", "n/d", "s/d", "n.s.", "n.c.", "k.a.", "k. a.", "s.o.", "keine angabe"),
    *("н/д", "нет данных", "δ/υ", "yok", "brak", "不明", "なし", "無", "无", "없음", "**", "***", "#", "@na"),
    *("inf", "-inf", "+inf", "infinity", "-infinity", "∞", "-∞", "-nan", "+nan", "-nan(ind)", "nan(ind)"),
}
TOKENS = frozenset(_ANYWHERE | _NA | _MARKS | _NO_NUMBERS)
# Days by which programs say "never" and "for ever".
SENTINEL_DAYS = tuple(
    text
    for y, m, d in (("0000", "00", "00"), ("0001", "01", "01"), ("9999", "12", "31"), ("9999", "01", "01"))
    for text in (f"{y}-{m}-{d}", f"{y}/{m}/{d}", f"{d}.{m}.{y}", f"{d}/{m}/{y}", f"{m}/{d}/{y}", f"{y}{m}{d}")
)
_PATTERN = rf"(?i)\s*(?:{'|'.join(map(re.escape, sorted(TOKENS)))})\s*"
_CODE = re.compile(r"[A-Z]{2}")


def is_token(value: str) -> bool:
    """Whether a value may stand for none."""
    return value.strip().lower() in TOKENS


def is_sentinel_day(value: str) -> bool:
    """Whether a value that is a date names a day that nobody means."""
    return value.strip().startswith(SENTINEL_DAYS)


def among_tokens(value: str, *, days: bool = False) -> str:
    """SQL for `is_token`; with `days`, for `is_sentinel_day` as well."""
    found = f"regexp_full_match({value}, {literal(_PATTERN)})"
    if days:
        starts = " OR ".join(f"starts_with(trim({value}), {literal(day)})" for day in SENTINEL_DAYS)
        found = f"({found} OR {starts})"
    return found


def _begins_most(mark: str, others: Mapping[str, int]) -> bool:
    """Whether a mark is one of the values: the root of paths, as `/` beside `/about`."""
    return sum(value.startswith(mark) for value in others) > 0.5 * len(others)


def in_words(tokens: Mapping[str, int], others: Mapping[str, int]) -> tuple[list[str], list[str]]:
    """Which tokens of a column of words are missing values, and notes on those that are kept.

    `others` are the column's other values, or some of them, with how often each occurs.
    """
    missing, notes = [], []
    spoken = sum(any(c.isalnum() for c in value) for value in others)
    codes = [value for value in others if _CODE.fullmatch(value)]
    for token in tokens:
        plain = token.strip().lower()
        if plain in _ANYWHERE:
            # Null and Nan are people's names.
            if not token.strip().istitle():
                missing.append(token)
        elif token.strip() == "NA":
            if len(codes) >= 3 and len(codes) >= 0.8 * len(others):
                notes.append("NA is kept as a value: the other values are codes of two capital letters as well.")
            else:
                missing.append(token)
        elif plain in _MARKS and others and spoken >= 0.9 * len(others) and not _begins_most(plain, others):
            missing.append(token)
    return missing, notes
