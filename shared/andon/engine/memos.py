"""Memos: what a step's outcome looks like when it is kept, and how results become JSON."""

import json
import re
from dataclasses import dataclass
from typing import Any

from andon.engine.errors import InvalidResult
from andon.engine.tracebacks import causes_of, frames_of, text_of

MAX_RESULT_BYTES = 4 * 1024 * 1024
LONGEST_PLACE = 300
_STYLE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\^_])")


@dataclass(frozen=True)
class Memo:
    """A step as it is remembered. `output` and `error` are decoded JSON."""

    id: str
    position: int
    status: str
    attempt: int
    output: Any = None
    error: dict[str, Any] | None = None
    due: bool = True
    at_hand: bool = True
    """Whether `output` is here; a large one is fetched when it is called for."""
    branch: int | None = None
    """Its index among steps that ran side by side."""

    @property
    def called(self) -> str:
        """The step by which the handler calls it: for a branch its group."""
        return self.id if self.branch is None else self.id.rpartition("/")[0]


def encode_result(name: str | None, value: Any) -> str:
    """`value` as JSON text; raises `InvalidResult` naming the step, or the function where `name` is None."""
    who = "The function" if name is None else f"Step {name!r}"
    try:
        text = json.dumps(value, allow_nan=False, separators=(",", ":"), ensure_ascii=False)
        size = len(text.encode())  # refuses half a surrogate pair, which no other program could read
    except (TypeError, ValueError, RecursionError) as error:
        place = "" if isinstance(error, RecursionError) else _place(value)
        raise InvalidResult(name, f"{who} returned {type(value).__name__}, which is not JSON{place}: {error}") from None
    if size > MAX_RESULT_BYTES:
        raise InvalidResult(
            name,
            f"{who} returned {size / 2**20:.1f} MiB of JSON, at most {MAX_RESULT_BYTES // 2**20} MiB is "
            "kept; store it as an artifact, by step.artifact",
        )
    return text


def _place(value: Any, above: str = "") -> str:
    """Where in the value the first part is that is no JSON, as Python would reach it; nothing where it is all of it."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, (list, tuple)) else ()
    for key, each in items:
        try:
            json.dumps(each, allow_nan=False, ensure_ascii=False).encode()
        except (TypeError, ValueError):
            place = f"{above}[{key!r:.80}]"
            return _place(each, place) if len(place) < LONGEST_PLACE else f" at {place}…"
    return f" at {above}" if above else ""


def plain(text: str) -> str:
    """`text` without what Postgres can't store: NUL and halves of surrogate pairs."""
    return text.encode(errors="replace").decode().replace("\x00", "\ufffd")


def unstyled(text: str) -> str:
    """`text` without what colours it on a terminal, or moves the cursor there."""
    return _STYLE.sub("", text) if "\x1b" in text else text


def _worded(text: str) -> str:
    return plain(unstyled(text))


def describe(error: BaseException, step: str | None = None) -> dict[str, Any]:
    """An exception as the JSON that API and console show."""
    try:
        said = str(error)
    except BaseException:  # its own __str__ fails
        said = ""
    described: dict[str, Any] = {
        "type": type(error).__name__,
        "message": _worded(said or type(error).__name__)[:2_000],
        "traceback": _worded(text_of(error)),
    }
    if frames := frames_of(error):
        described["frames"] = [{k: _worded(v) if isinstance(v, str) else v for k, v in each.items()} for each in frames]
    if causes := _causes(error):
        described["causes"] = causes
    if step is not None:
        described["step"] = step
    return described


def _causes(error: BaseException) -> list[dict[str, str]]:
    try:
        return [{name: _worded(said) for name, said in each.items()} for each in causes_of(error)]
    except Exception:  # a text of one fails
        return []
