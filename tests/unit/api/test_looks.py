"""Looks at one page share a rendering for a moment, and never one from before an action."""

from __future__ import annotations

from andon_api.console.parts.looks import Looks


def test_a_rendering_is_shared_for_a_moment_only() -> None:
    now = [0.0]
    looks = Looks(seconds=0.4, clock=lambda: now[0])
    looks.keep("page", b"1", actions=looks.actions)
    assert looks.find("page") == b"1"
    assert looks.find("other") is None
    now[0] = 0.5
    assert looks.find("page") is None


def test_an_action_forgets_what_was_rendered_and_what_is_being_rendered() -> None:
    looks = Looks(clock=lambda: 0.0)
    begun = looks.actions
    looks.keep("page", b"before", actions=begun)
    looks.forget()
    assert looks.find("page") is None
    looks.keep("page", b"begun before", actions=begun)
    assert looks.find("page") is None
