"""The console: pages rendered here, kept live by htmx; no build step, no script in a page, no other host."""

from andon_api.console.pages import blueprint

__all__ = ["blueprint"]
