"""A program that the step starts: in isolation it shares the step's fate, whatever it does."""

import subprocess

from andon import CancelOn, Event, Step, function


@function(
    id="run-program",
    trigger="example/program.requested",
    cancel_on=[CancelOn("example/work.cancelled", match="data.id")],
)
def run_program(event: Event, step: Step) -> dict[str, str]:
    """Run `data.command`, a list of texts, and return what it prints."""
    return {"output": step.run("run", _output, event.data["command"])}


def _output(command: list[str]) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
