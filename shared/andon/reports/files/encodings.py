"""Which encoding a text is in: UTF-8 if it can be; else told by how likely the letters are that come out."""

from __future__ import annotations

import codecs
import math
from pathlib import Path
from typing import Any

from charset_normalizer import from_bytes

_SAMPLE = 64 << 10
MENDED = "utf-8-mended"  # UTF-8, the bytes in it that aren't read as Windows-1252
_MENDING = "andon-mend"
_KANJI = frozenset(
    "東京都市区町村県道府大阪名古屋横浜神戸福岡川田山本中小上下北南西日月年時分円価格金額数量店舗商品番号"
    "会社株式部課担当者氏名住所電話高橋木林井藤佐伊渡辺売買入出合計平均売上利益税込別顧客注文請求書"
)
_EAST_ASIAN = ("cp932", "euc_jp", "gb18030", "big5", "cp949")
_WEST = "äöüßéèàçêâîôûïëñáíóúåøæãõœÄÖÜÉÀÇÑÁÍÓÚÅØÆÂÊÎÔ"
_CENTRE = "áčďéěíňóřšťúůýžäôľąćęłńśźżőöűüßăâîČŠŽŘŁŚŻŹÁÉÍÓÚÖÜŐĆ"
_RUSSIAN = "оеаинтсрвлкмдпу"
# For each single-byte encoding the letters that are frequent in the languages written in it.
_LETTERS = {
    "cp1252": _WEST,
    "cp1250": _CENTRE,
    "iso8859_2": _CENTRE,
    "cp1254": "ışğüöçİŞĞÜÖÇâ",
    "cp1257": "āčēģīķļņšūžąęėįųõäöüĀČĒŠŽ",
    "mac_roman": _WEST,
    "cp850": _WEST,
    "cp852": _CENTRE,
    "cp1251": _RUSSIAN,
    "koi8_r": _RUSSIAN,
    "koi8_u": _RUSSIAN + "іїє",
    "mac_cyrillic": _RUSSIAN,
    "cp866": _RUSSIAN,
    "iso8859_5": _RUSSIAN,
    "cp1253": "αοιετσνηρςάίόέ",
    "cp1255": "יוהלארתבשמנ",
    "cp1256": "ايلمنرتبوةدسع",
    "cp874": "านรอกเงมยลวดท่้ี",
}
_MARKS = "€£§°©®–—‘’“”„…•²³µ½«»ªº¿¡×"
# For each family of Latin encodings its languages, of each the letters that aren't ASCII, the most frequent first.
_LANGUAGES = {
    "west": (
        *("üäöß", "éèàêçôâîûùëïœ", "óíáñéúü", "ãçáéíóêõâúôà", "àèùòéì", "äöå", "øåæé", "áíðéóöúþæý", "ëéïöüèê"),
        *("óàéèíçòúïü", "äö"),
    ),
    "centre": ("ąęłóśżćńź", "íáéěřčšýžůúóťďň", "áíéčšýžúľťôňäóď", "áéöóőíüúű", "ăîâşţ", "čšžćđ"),
    "baltic": ("ėšųžįąūčę", "āīēšūņžļčķģ", "äõüöšž"),
    "turkish": ("ışüğçöİâ",),
}
# Which family, and how much less likely than Windows' western encoding, as the logarithm of a share.
_FAMILIES = {
    "cp1252": ("west", 0.0),
    "mac_roman": ("west", -0.9),
    "cp850": ("west", -0.9),
    "cp1250": ("centre", -0.3),
    "iso8859_2": ("centre", -0.35),
    "cp852": ("centre", -1.0),
    "cp1254": ("turkish", -0.3),
    "cp1257": ("baltic", -0.3),
}
_LATIN = _FAMILIES.keys()
_MARK, _OTHER, _NEVER = 0.05, 0.0005, 0.0001  # shares of marks, of other letters, of letters where there can't be any
_MARGIN = 0.12  # how much likelier another than the western encoding must be


def ranked(path: Path) -> list[str]:
    """The encodings that a text which isn't UTF-8 may be in, the likeliest first; the last one reads anything."""
    sample = _telling(path)
    if _nearly_utf8(sample):
        return [MENDED, "latin-1"]
    kana = next((name for name in ("euc_jp", "cp932") if _kana(sample, name) > 0.2), None)
    if kana:
        return [kana, "latin-1"]
    best = from_bytes(sample, cp_isolation=[*_EAST_ASIAN, *_LETTERS]).best() if sample else None
    scores = {name: score for name in _LETTERS if (score := _score(sample, name)) is not None}
    if "cp1252" in scores:
        scores["cp1252"] += _MARGIN
    order = sorted(scores, key=lambda name: -scores[name])
    latin = sorted((name for name in order if name in _LATIN), key=lambda name: -_likelihood(sample, name))
    order = [latin.pop(0) if name in _LATIN else name for name in order]
    east = best.encoding if best and best.encoding in _EAST_ASIAN else _by_kanji(sample)
    if east and scores.get("cp1252", 0) < 0.9 and not _among_ascii(sample, east):
        order.insert(0, east)
    return [*order, "latin-1"]


def _kana(sample: bytes, encoding: str) -> float:
    """The share of Japanese syllables among the letters that aren't ASCII; no other script's bytes give many."""
    try:
        letters = [letter for letter in sample.decode(encoding) if not letter.isascii()]
    except UnicodeDecodeError:
        return 0.0
    return sum("\u3041" <= letter <= "\u30fe" for letter in letters) / (len(letters) or 1)


def _by_kanji(sample: bytes) -> str | None:
    """The encoding in which a third of the letters are characters that Japanese addresses and ledgers are full of."""
    try:
        letters = [letter for letter in sample.decode("cp932") if not letter.isascii()]
    except UnicodeDecodeError:
        return None
    return "cp932" if letters and sum(letter in _KANJI for letter in letters) > len(letters) / 3 else None


def _among_ascii(sample: bytes, encoding: str) -> bool:
    """Whether most East Asian letters would stand inside words of ASCII ones: then they are accents."""
    text = sample.decode(encoding, errors="replace")
    places = [place for place, letter in enumerate(text) if not letter.isascii()]
    touching = sum(
        any(near.isascii() and near.isalpha() for near in (text[place - 1 : place], text[place + 1 : place + 2]))
        for place in places
    )
    return touching > len(places) / 2


def _nearly_utf8(sample: bytes) -> bool:
    """Whether a few bytes alone aren't UTF-8, as when something was pasted in."""
    text = sample.decode("utf-8", errors="replace")
    odd = text.count("\ufffd")
    return sum(not letter.isascii() for letter in text) - odd >= 10 * odd


class _MendedDecoder(codecs.BufferedIncrementalDecoder):
    def _buffer_decode(self, input: Any, errors: str, final: bool) -> tuple[str, int]:
        return codecs.utf_8_decode(input, _MENDING, final)


def _mend(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeDecodeError)
    return error.object[error.start : error.end].decode("cp1252", errors="replace"), error.end


def _mended(name: str) -> codecs.CodecInfo | None:
    if name.replace("_", "-") != MENDED:
        return None
    utf8 = codecs.lookup("utf-8")
    return codecs.CodecInfo(
        utf8.encode,
        lambda data, errors="strict": codecs.utf_8_decode(data, _MENDING, True),
        incrementalencoder=utf8.incrementalencoder,
        incrementaldecoder=_MendedDecoder,
        name=MENDED,
    )


codecs.register_error(_MENDING, _mend)
codecs.register(_mended)


def _telling(path: Path) -> bytes:
    """The lines that hold anything but ASCII, up to a sample's length."""
    found = bytearray()
    with path.open("rb") as file:
        for line in file:
            if not line.isascii():
                found += line
            if len(found) > _SAMPLE:
                break
    return bytes(found)


def _score(sample: bytes, encoding: str) -> float | None:
    """The mean likelihood of the letters that aren't ASCII, from 0 to 1; None if the bytes can't be decoded."""
    try:
        text = sample.decode(encoding)
    except UnicodeDecodeError:
        return None
    likely, latin = set(_LETTERS[encoding]), encoding in _LATIN
    total, seen = 0.0, 0
    for before, letter, after in zip(" " + text, text, text[1:] + " ", strict=False):
        if letter.isascii():
            continue
        seen += 1
        if _out_of_place(before, letter, after, latin=latin):
            continue
        if letter.isalpha() and letter.isupper() and before.isalpha() and not (before.isupper() and after.isupper()):
            continue  # no word has a capital in its middle
        if latin and letter.isalpha() and letter.isupper() and not (before.isalpha() or after.isalpha()):
            continue  # no word is one accented capital
        if letter == "€" or letter in likely or letter.lower() in likely:
            total += 1.0
        elif letter.isalpha() or letter in _MARKS:
            total += 0.4
    if encoding == "cp1253" and not any(accent in text for accent in "άέήίόύώ"):
        total *= 0.6  # nearly every Greek word has one
    return total / seen if seen else 0.0


def _likelihood(sample: bytes, encoding: str) -> float:
    """The mean logarithm of how frequent the letters are in the language of a Latin encoding that they suit best."""
    text = sample.decode(encoding, errors="replace")
    family, prior = _FAMILIES[encoding]
    seen = [
        None if _misplaced(before, letter, after) else letter if letter == "İ" else letter.lower()
        for before, letter, after in zip(" " + text, text, text[1:] + " ", strict=False)
        if not letter.isascii()
    ]
    best = max(sum(math.log(_share(letter, letters)) for letter in seen) for letters in _LANGUAGES[family])
    return prior + best / (len(seen) or 1)


def _share(letter: str | None, letters: str) -> float:
    """The share of a letter among a language's that aren't ASCII: they fall as the ranks rise, as with words."""
    if letter is None:
        return _NEVER
    if letter in letters:
        return 0.95 / (letters.index(letter) + 1) / sum(1 / rank for rank in range(1, len(letters) + 1))
    return _OTHER if letter.isalpha() else _MARK if letter in _MARKS else _NEVER


def _misplaced(before: str, letter: str, after: str) -> bool:
    """Whether a character stands where a Latin word has none: a capital or a mark inside, or one capital alone."""
    if _out_of_place(before, letter, after, latin=True):
        return True
    inside = before.isalpha() and after.isalpha()
    if not letter.isalpha():
        return inside and letter not in "’·"
    shouted = before.isupper() and (after.isupper() or not after.isalpha())
    alone = not (before.isalpha() or after.isalpha())
    return letter.isupper() and ((before.isalpha() and not shouted) or alone)


def _out_of_place(before: str, letter: str, after: str, *, latin: bool) -> bool:
    """Whether a letter has the wrong neighbours: Latin words are ASCII but for an accent, others are never."""
    if latin:
        return all(not each.isascii() and each.isalpha() for each in (before, letter, after))
    return letter.isalpha() and any(each.isascii() and each.isalpha() for each in (before, after))


def mark_of(head: bytes) -> str | None:
    """The encoding that a byte order mark or an escape names, or that NUL bytes in every other place give away."""
    if any(escape in head for escape in (b"\x1b$B", b"\x1b$@")):
        return "iso2022_jp"
    if head.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return "utf-32"
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if len(head) >= 8:
        even, odd = head[::2].count(0) / len(head[::2]), head[1::2].count(0) / len(head[1::2])
        if odd > 0.7 and even < 0.1:
            return "utf-16-le"
        if even > 0.7 and odd < 0.1:
            return "utf-16-be"
    return None
