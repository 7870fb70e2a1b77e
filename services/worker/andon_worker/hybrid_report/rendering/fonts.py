"""Fonts for characters that DejaVu Sans lacks: found on this system, by the name of the script they belong to.

A font file is opened only if a character of its script is in the report, so a report in Latin, Greek or Cyrillic
letters opens none.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from fontTools.ttLib import TTFont, TTLibError

_FOLDERS = (
    "/usr/share/fonts",
    "/usr/local/share/fonts",
    "~/.local/share/fonts",
    "~/.fonts",
    "/Library/Fonts",
    "/System/Library/Fonts",
    "C:/Windows/Fonts",
)
_SUFFIXES = {".ttf", ".otf", ".ttc", ".otc"}

# By the first word of a character's Unicode name, as `THAI CHARACTER KO KAI`; of the others the font is named alike.
_EAST_ASIAN = (
    "NotoSansCJK-Regular",
    "NotoSansCJKjp-Regular",
    "NotoSansCJKsc-Regular",
    "NotoSansSC-Regular",
    "NotoSansJP-Regular",
    "NotoSansKR-Regular",
    "SourceHanSans-Regular",
    "wqy-microhei",
    "wqy-zenhei",
    "DroidSansFallbackFull",
    "DroidSansFallback",
    "ipag",
    "NanumGothic",
    "msyh",
    "msgothic",
    "malgun",
    "PingFang",
    "AppleSDGothicNeo",
)
_BY_SCRIPT = {
    **dict.fromkeys(("CJK", "HIRAGANA", "KATAKANA", "HANGUL", "BOPOMOFO", "IDEOGRAPHIC"), _EAST_ASIAN),
    **dict.fromkeys(("FULLWIDTH", "HALFWIDTH", "KATAKANA-HIRAGANA"), _EAST_ASIAN),
    "CANADIAN": ("NotoSansCanadianAboriginal-Regular",),
    "PHAGS-PA": ("NotoSansPhagsPa-Regular",),
    "NKO": ("NotoSansNKo-Regular",),
}
# Controls, joiners and selectors of variants show nothing by themselves.
_NO_GLYPH = {"Cc", "Cf", "Cn", "Co", "Cs", "Zs", "Zl", "Zp"}
_LAST = (
    "NotoSansSymbols2-Regular",
    "NotoSansSymbols-Regular",
    "NotoEmoji-Regular",
    "Symbola",
    "Symbola_hint",
    "NotoSansMath-Regular",
    "NotoSans-Regular",
    "FreeSans",
    "FreeSerif",
    "unifont",
    "Arial Unicode",
    "arialuni",
)


def fallbacks(characters: Iterable[str], covered: frozenset[int]) -> tuple[list[Path], set[str]]:
    """The font files that together have the characters not in `covered`, and the characters that no font here has."""
    lacking = {c for c in characters if ord(c) not in covered and unicodedata.category(c) not in _NO_GLYPH}
    chosen: list[Path] = []
    for character in sorted(lacking):
        if character not in lacking:
            continue
        for name in (*_named(character), *_LAST):
            path = _files().get(name.lower())
            if path is None or path in chosen:
                continue
            points = _points(path)
            if ord(character) in points:
                chosen.append(path)
                lacking -= {each for each in lacking if ord(each) in points}
                break
    return chosen, lacking


def is_shaped(character: str) -> bool:
    """Whether letters of its script join, stack or run from the right, so that they can't be put down one by one."""
    point = ord(character)
    return any(first <= point <= last for first, last in _SHAPED)


# Hebrew to Myanmar, Khmer and Mongolian, later Indic blocks, presentation forms; joiners.
_SHAPED = (
    (0x0590, 0x109F),
    (0x1780, 0x18AF),
    (0x1900, 0x1CFF),
    (0x200C, 0x200D),
    (0xA800, 0xABFF),
    (0xFB1D, 0xFDFF),
    (0xFE70, 0xFEFF),
    (0x10A00, 0x11FFF),
    (0x1E900, 0x1E95F),
)


def _named(character: str) -> tuple[str, ...]:
    script = unicodedata.name(character, "").split(" ")[0]
    if script in _BY_SCRIPT:
        return _BY_SCRIPT[script]
    return (f"NotoSans{script.title()}-Regular", f"NotoSerif{script.title()}-Regular")


@cache
def _files() -> dict[str, Path]:
    """The font files of this system, by their names in small letters, without their endings."""
    found: dict[str, Path] = {}
    for folder in _FOLDERS:
        for path in sorted(Path(os.path.expanduser(folder)).rglob("*")):
            if path.suffix.lower() in _SUFFIXES:
                found.setdefault(path.stem.lower(), path)
    return found


@cache
def _points(path: Path) -> frozenset[int]:
    """The code points that a font has glyphs for; none if it can't be read."""
    try:
        with TTFont(path, fontNumber=0, lazy=True) as font:
            return frozenset(font.getBestCmap() or ())
    except (OSError, TTLibError):
        return frozenset()
