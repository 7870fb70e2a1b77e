"""The page of schedules: when each ticks next, and the buttons that pause one or let it tick now."""

from flask import Response, render_template

from andon_api.asks.schedules import ask_pause, ask_resume, ask_run
from andon_api.console.parts import forms
from andon_api.principal import principal
from andon_api.reads import schedules


def schedule_list() -> str:
    """All schedules."""
    found = [schedules.shown(each) for each in schedules.declared(principal().tenant)]
    return render_template("console/schedules.html", schedules=found, every=3000)


def pause_schedule(id: str) -> Response:
    """Pause one."""
    return forms.act(lambda: ask_pause(id, forms.reason()))


def resume_schedule(id: str) -> Response:
    """Resume one."""
    return forms.act(lambda: ask_resume(id))


def run_schedule(id: str) -> Response:
    """Let one tick now."""
    return forms.act(lambda: ask_run(id))
