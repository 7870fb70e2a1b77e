"""Looks at one page share a rendering for a moment, and never one from before an action."""

from __future__ import annotations

from andon_api.console.parts.renderings import Renderings


def test_a_rendering_is_shared_for_a_moment_only() -> None:
    now = [0.0]
    renderings = Renderings(seconds=0.4, clock=lambda: now[0])
    renderings.keep("page", b"1", actions=renderings.actions)
    assert renderings.find("page") == b"1"
    assert renderings.find("other") is None
    now[0] = 0.5
    assert renderings.find("page") is None


def test_an_action_forgets_what_was_rendered_and_what_is_being_rendered() -> None:
    renderings = Renderings(clock=lambda: 0.0)
    begun = renderings.actions
    renderings.keep("page", b"before", actions=begun)
    renderings.forget()
    assert renderings.find("page") is None
    renderings.keep("page", b"begun before", actions=begun)
    assert renderings.find("page") is None
