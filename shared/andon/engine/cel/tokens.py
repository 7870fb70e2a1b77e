"""The text of an expression as tokens: CEL's lexis, literals decoded."""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from andon.engine.cel.failures import ExpressionError
from andon.engine.cel.values import MAX_INT, MAX_UINT, UInt


class Token(NamedTuple):
    """`kind` is `literal`, `integer`, `name`, `end`, or the operator itself; `at` is its place in the text."""

    kind: str
    value: Any
    at: int


_RESERVED_WORDS = "as break const continue else for function if import let loop package namespace return var void while"
RESERVED = frozenset(_RESERVED_WORDS.split())
_CONSTANTS = {"true": True, "false": False, "null": None}
_SCAN = re.compile(
    r"""
    (?P<space>   (?: [ \t\r\n\f]+ | //[^\n]* )+ )
  | (?P<double>  [0-9]+ (?: \.[0-9]+ (?:[eE][+-]?[0-9]+)? | [eE][+-]?[0-9]+ ) | \.[0-9]+ (?:[eE][+-]?[0-9]+)? )
  | (?P<number>  0x[0-9a-fA-F]+ | [0-9]+ ) (?P<unsigned> [uU] )?
  | (?P<prefix>  [rRbB]{0,2} ) (?P<quote> \"\"\" | ''' | \" | ' )
  | (?P<name>    [A-Za-z_][A-Za-z0-9_]* )
  | (?P<symbol>  && | \|\| | [=!<>]= | [-+*/%<>!?:.,()\[\]{}] )
    """,
    re.VERBOSE,
)
_ESCAPE = re.compile(r"\\(?:[xX]([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-3][0-7]{2})|(.))", re.DOTALL)
_SIMPLE = dict(zip("abfnrtv\\'\"`?", "\a\b\f\n\r\t\v\\'\"`?", strict=True))


def tokens(text: str) -> Iterator[Token]:
    """The tokens of `text`, an `end` last. Raises `ExpressionError` naming the place."""
    at = 0
    while at < len(text):
        found = _SCAN.match(text, at)
        if found is None:
            raise ExpressionError(f"unexpected {text[at]!r} at character {at + 1}")
        start, at = at, found.end()
        if found["double"]:
            yield Token("literal", float(found["double"]), start)
        elif found["number"]:
            yield _number(found["number"], bool(found["unsigned"]), start)
        elif found["quote"]:
            value, at = _quoted(text, found["prefix"].lower(), found["quote"], start, at)
            yield Token("literal", value, start)
        elif name := found["name"]:
            yield _word(name, start)
        elif found["symbol"]:
            yield Token(found["symbol"], None, start)
    yield Token("end", None, len(text))


def _word(name: str, at: int) -> Token:
    if name in _CONSTANTS:
        return Token("literal", _CONSTANTS[name], at)
    if name in RESERVED:
        raise ExpressionError(f"{name!r} at character {at + 1} is a reserved word")
    return Token("in" if name == "in" else "name", name, at)


def _number(digits: str, unsigned: bool, at: int) -> Token:
    """A whole number. The parser bounds a signed one, which may have a minus before it."""
    value = int(digits, 16 if digits.startswith("0x") else 10)
    if value > (MAX_UINT if unsigned else MAX_INT + 1):
        raise ExpressionError(f"the number at character {at + 1} doesn't fit 64 bits")
    return Token("literal", UInt(value), at) if unsigned else Token("integer", value, at)


def _quoted(text: str, prefix: str, quote: str, start: int, at: int) -> tuple[str | bytes, int]:
    """The string or bytes whose opening quote ends at `at`, and where it ends."""
    if prefix not in {"", "r", "b", "br", "rb"}:
        raise ExpressionError(f"unexpected {prefix!r} before the quote at character {start + 1}")
    end = at
    while not text.startswith(quote, end):
        end += 2 if text.startswith("\\", end) and "r" not in prefix else 1
        if end >= len(text) or (len(quote) == 1 and text[end - 1] in "\r\n"):
            raise ExpressionError(f"the string at character {start + 1} has no end")
    raw, is_bytes = text[at:end], "b" in prefix
    if not raw.isprintable() and any("\ud800" <= each <= "\udfff" for each in raw):
        raise ExpressionError(f"the string at character {start + 1} has half of a surrogate pair")
    after = end + len(quote)
    if is_bytes:
        return (raw.encode() if "r" in prefix else _decoded_bytes(raw, start)), after
    return (raw if "r" in prefix else _ESCAPE.sub(lambda m: _decoded(m, start), raw)), after


def _decoded(found: re.Match[str], start: int) -> str:
    code = next((int(digits, 16) for digits in found.group(1, 2, 3) if digits), None)
    if found[4]:
        code = int(found[4], 8)
    if code is None:
        if found[5] not in _SIMPLE:
            raise ExpressionError(f"the string at character {start + 1} has an unknown escape \\{found[5]}")
        return _SIMPLE[found[5]]
    if 0xD800 <= code <= 0xDFFF or code > 0x10FFFF:
        raise ExpressionError(f"the string at character {start + 1} has an escape of no character")
    return chr(code)


def _decoded_bytes(raw: str, start: int) -> bytes:
    parts, at = [], 0
    for found in _ESCAPE.finditer(raw):
        if found[2] or found[3]:
            raise ExpressionError(f"the bytes at character {start + 1} have a \\u escape")
        parts += [raw[at : found.start()].encode(), _decoded(found, start).encode("latin-1")]
        at = found.end()
    return b"".join([*parts, raw[at:].encode()])
