"""The console: pages rendered here, kept live by htmx; no build step, no script in a page, no other host."""

from __future__ import annotations

from flask import Blueprint


def blueprint() -> Blueprint:
    """The console's routes."""
    return Blueprint(
        "console", __name__, static_folder="static", template_folder="templates", static_url_path="/static"
    )
