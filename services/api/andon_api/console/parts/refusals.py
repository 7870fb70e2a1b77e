"""Why something was refused, in a sentence for the person who asked for it."""

from collections.abc import Mapping

from andon_api.http.problems import Problem

NO_PAGE = "Page not found"
LABELS = {
    "functionId": "Function",
    "startedAfter": "Queued from",
    "after": "Queued from",
    "startedBefore": "Queued before",
    "before": "Queued before",
    "if": "Only if",
    "datasetId": "Dataset",
    "locale": "Numbers and days as in",
    "url": "URL",
}
"""Of the fields that aren't called as they are labelled."""
WHYS = {
    401: "Your key has run out or was revoked: log in again.",
    403: "Your key may look, and not do this. Whoever gave it to you can make one that may.",
    404: "It was never there, was deleted, is older than what is kept, or is another tenant's.",
    409: "It has changed or ended meanwhile, or somebody else was faster. The page shows how it is now.",
    412: "It was changed since this page was shown.",
    413: "It is larger than what is taken.",
    422: "Nothing was done. Correct what is marked, and send it again.",
    429: "Too much was asked for in a short time. Nothing was done; wait a moment.",
    503: "A store that this takes does not answer. Nothing was done; try again in a moment.",
}


def why(problem: Problem) -> str:
    """The sentence; nothing where the problem's own says it all."""
    return "" if problem.title == NO_PAGE else WHYS.get(problem.status, "")


def said(problem: Problem) -> str:
    """What is wrong, in words: fields by their labels."""
    named = [
        f"{label}: {each['detail']}" if (label := _label(_place(each))) else each["detail"] for each in problem.errors
    ]
    return "; ".join(named) or problem.detail


def fields(problem: Problem) -> str:
    """The names of the fields that are wrong, as forms have them."""
    return " ".join(place.rpartition("/")[2] for place in map(_place, problem.errors) if place)


def _place(error: Mapping[str, str]) -> str:
    return error.get("pointer") or error.get("parameter") or ""


def _label(place: str) -> str:
    """`/data/pages` is Data.pages: below its label, a field of somebody's data has its own name."""
    name, *below = place.removeprefix("/options").strip("/").split("/")
    return ".".join([LABELS.get(name, name.capitalize()), *below])
