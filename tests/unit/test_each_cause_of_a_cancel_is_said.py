"""Each cause of a cancel has a sentence: in the client, which can't import them, and in the page that tells them."""

from __future__ import annotations

import re
from pathlib import Path

from andon.adapters.postgres.cancels.causes import CancelCause
from andon.client.causes import CAUSES

EVENTS = Path(__file__).resolve().parents[2] / "docs" / "events.md"


def test_the_client_and_the_page_of_events_have_each_and_no_other() -> None:
    assert sorted(CAUSES) == sorted(CancelCause)
    assert dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", EVENTS.read_text(), re.MULTILINE)) == CAUSES
