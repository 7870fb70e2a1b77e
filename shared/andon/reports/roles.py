"""The part that a column plays in a report, told by its name, its type and its values."""

from __future__ import annotations

from andon.reports.columns import Column


def role_of(name: str, type_: str) -> tuple[str, str]:
    """A role for a column, and the reason for it in words."""
    match type_:
        case "integer" | "number":
            return "measure", "holds numbers"
        case "boolean":
            return "flag", "holds true and false"
        case "date" | "timestamp":
            return "date", "holds dates"
        case _:
            return "category", "holds words"


def described(name: str, type_: str) -> Column:
    """A column of which nothing but its name and its type is known."""
    role, reason = role_of(name, type_)
    return Column(name, type_, role, reason)
