"""Pauses: a function's or a queue's runs are made, and wait until it is resumed."""

from andon_api.asks.pauses import ask_pause, ask_resume
from andon_api.database import Row
from andon_api.http.effects import Outcome
from andon_api.http.rest import Blueprint
from andon_api.principal import principal
from andon_api.reads import pauses
from andon_api.schemas import FunctionPauseBody, NoBody, PauseSchema

blueprint = Blueprint("pauses", __name__, description="Functions and queues that are paused")


@blueprint.lists("/pauses", PauseSchema)
def listed() -> Row:
    """What is paused for this tenant."""
    return {"items": pauses.of(principal().tenant), "next_cursor": None}


@blueprint.verb("/functions/<path:name>/pause", FunctionPauseBody, PauseSchema)
def pause_function(body: Row, name: str) -> Outcome:
    """Start no run of a function until it is resumed. Those that have started do as `running` says."""
    return ask_pause("function", name, body["reason"], body["running"])


@blueprint.verb("/functions/<path:name>/resume", NoBody, PauseSchema)
def resume_function(body: Row, name: str) -> Outcome:
    """Let a function's runs start again, in the order in which they were made."""
    return ask_resume("function", name)


@blueprint.verb("/queues/<name>/pause", FunctionPauseBody, PauseSchema)
def pause_queue(body: Row, name: str) -> Outcome:
    """Start no run in a queue until it is resumed; cleanup runs start all the same."""
    return ask_pause("queue", name, body["reason"], body["running"])


@blueprint.verb("/queues/<name>/resume", NoBody, PauseSchema)
def resume_queue(body: Row, name: str) -> Outcome:
    """Let runs in a queue start again."""
    return ask_resume("queue", name)
