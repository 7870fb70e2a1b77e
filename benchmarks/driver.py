"""The protocol between the measuring process and a contender's client: one JSON object per line, asked and answered.

Both times are taken in the client, around the contender's own call, so the pipe is not measured.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

Submit = Callable[[str, Sequence[dict[str, Any]]], Sequence[str]]


def serve(submit: Submit, cancel: Callable[[str], object], **more: Callable[..., Any]) -> None:
    """Answer until the input ends. `submit(kind, jobs)` returns ids; `cancel(id)` asks for one job's end."""
    verbs: dict[str, Callable[..., Any]] = {"submit": submit, "cancel": cancel, **more}
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        verb, *arguments = json.loads(line)
        asked = time.monotonic()
        answer, error = None, None
        try:
            answer = verbs[verb](*arguments)
        except Exception as failure:
            error = f"{type(failure).__name__}: {failure}"
        print(json.dumps({"asked": asked, "answered": time.monotonic(), "answer": answer, "error": error}), flush=True)
