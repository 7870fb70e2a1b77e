"""The functions that Andon ships. `ANDON_FUNCTIONS` names this package by default."""

from andon_worker.functions.reports import generate_hybrid_report

__all__ = ["generate_hybrid_report"]
