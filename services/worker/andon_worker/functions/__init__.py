"""The functions that Andon ships. `ANDON_FUNCTIONS` names this package by default."""

from andon.extras import require_extra

require_extra("reports", "The report that ships, andon_worker.functions,")

from andon_worker.functions.reports import generate_hybrid_report  # noqa: E402 - not before that

__all__ = ["generate_hybrid_report"]
