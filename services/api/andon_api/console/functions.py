"""The page of functions, where they are paused and resumed."""

from flask import Response, render_template, request

from andon_api.asks.pauses import ask_pause, ask_resume
from andon_api.console.parts import forms
from andon_api.database import Row
from andon_api.principal import principal
from andon_api.reads import functions
from andon_api.schemas import FunctionPauseBody


def function_list() -> str:
    """What is registered, and what its runs did lately; of those that are searched for by id, module or event."""
    text = request.args.get("text", "").strip()
    known = functions.with_statistics(principal().tenant)
    found = [each for each in known if text.lower() in _said(each)]
    return render_template("console/functions.html", functions=found, known=len(known), text=text, every=10000)


def _said(function: Row) -> str:
    """What a function is searched by."""
    events = (on.get("event", "") for on in (*function["triggers"], *function["cancel_on"]))
    return "\n".join((function["id"], function["module"], *events)).lower()


def pause_function(name: str) -> Response:
    """Start none of its runs until it is resumed."""
    said = forms.load(FunctionPauseBody(), forms.filled("reason", "running"))
    return forms.act(lambda: ask_pause("function", name, said["reason"], said["running"]))


def resume_function(name: str) -> Response:
    """Let its runs start again."""
    return forms.act(lambda: ask_resume("function", name))
