from __future__ import annotations

import json
from pathlib import Path

import pytest

from andon.client import Andon
from tests.integration.cli.conftest import Command, interrupt
from tests.support.ledger import Ledger
from tests.support.polling import PATIENCE, wait_until


@pytest.fixture
def dataset(command: Command, sales: Path) -> str:
    uploaded = command("datasets", "upload", str(sales), "--json")
    assert uploaded.code == 0, uploaded.err
    return str(uploaded.json["id"])


@pytest.fixture
def idle(command: Command, dataset: str, ledger: Ledger) -> str:
    """A report whose generation stops at a gate."""
    report = str(command("reports", "create", "Gated", "--dataset", dataset, "--json").json["id"])
    ledger.set_plan(report, {"compute": {"gate": True}})
    return report


def test_an_uploaded_dataset_is_listed(command: Command, dataset: str) -> None:
    assert dataset in [each["id"] for each in command("datasets", "list", "--json").json]
    assert "sales.csv" in command("datasets", "list").out


def test_one_command_makes_generates_and_watches_a_report(command: Command, dataset: str) -> None:
    done = command("reports", "create", "Sales", "--dataset", dataset, "--option", "resamples=5", "-w", "--json")
    assert done.code == 0, done.err
    assert (done.json["status"], done.json["options"]) == ("generated", {"resamples": 5})
    shown = command("reports", "show", done.json["id"])
    assert "status generated " in shown.words


def test_a_watched_generation_ends_with_0_and_its_files_can_be_downloaded(
    command: Command, idle: str, ledger: Ledger, tmp_path: Path
) -> None:
    ledger.open(idle)
    assert command("reports", "generate", idle, "--watch").code == 0
    saved = command("reports", "download", idle, "--to", str(tmp_path / "out"))
    assert saved.out.split() == [str(tmp_path / "out" / "report.txt")]
    assert (tmp_path / "out" / "report.txt").read_text().startswith(f"{idle}/")
    assert command("reports", "download", idle, "none.txt", "--to", str(tmp_path)).code == 3
    assert [each.name for each in tmp_path.iterdir() if each.name.endswith(".part")] == []


def test_watching_a_report_that_is_cancelled_ends_with_1_and_the_reason(
    command: Command, idle: str, ledger: Ledger
) -> None:
    assert command("reports", "generate", idle).out == f"generating {idle}\n"
    watching = command.start("reports", "watch", idle, "--json")
    assert watching.stdout
    first = watching.stdout.readline()  # it watches
    wait_until(lambda: ledger.begins(idle, "compute"))
    cancelled = command("reports", "cancel", idle, "--reason", "no longer needed", "--wait", "--json")
    assert (cancelled.code, cancelled.json["status"]) == (0, "cancelled")
    out, err = watching.communicate(timeout=PATIENCE)
    assert watching.returncode == 1
    assert err == f"andon: Report {idle} is cancelled: no longer needed\n"
    statuses = [json.loads(line)["status"] for line in (first + out).splitlines()]
    assert (statuses[0], statuses[-1]) == ("generating", "cancelled")


def test_a_cancel_that_comes_too_late_is_a_conflict(command: Command, idle: str) -> None:
    refused = command("reports", "cancel", idle)
    assert (refused.code, refused.err) == (4, "andon: Report is not currently generating\n")
    assert command("reports", "watch", idle).code == 4


def test_waiting_no_longer_than_asked_ends_with_7_and_the_report_goes_on(
    command: Command, andon: Andon, idle: str, ledger: Ledger
) -> None:
    command("reports", "generate", idle)
    assert command("reports", "watch", idle, "--timeout", "0.3").code == 7
    assert andon.reports.get(idle).generating
    ledger.open(idle)
    assert andon.reports.wait(idle, timeout=30).status == "generated"


def test_ctrl_c_stops_watching_with_130_and_says_that_the_report_goes_on(
    command: Command, andon: Andon, idle: str, ledger: Ledger
) -> None:
    command("reports", "generate", idle)
    watching = command.start("reports", "watch", idle, "--json")
    assert watching.stdout is not None
    assert watching.stdout.readline()
    stopped = interrupt(watching)
    assert stopped.code == 130
    assert f"andon reports cancel {idle}" in stopped.err
    assert "Traceback" not in stopped.err
    assert andon.reports.get(idle).generating
    ledger.open(idle)


def test_reports_are_listed_newest_first_in_a_pipe_without_colours_or_cuts(command: Command, dataset: str) -> None:
    title = "A title that is far too long for eighty columns " * 3
    made = command("reports", "create", title.strip(), "--dataset", dataset, "--json").json["id"]
    listed = command("reports", "list", "--limit", "2")
    assert "\x1b" not in listed.out
    header, newest, *_ = listed.out.splitlines()
    assert header.split() == ["ID", "TITLE", "STATUS", "PROGRESS", "CREATED"]
    assert newest.startswith(made)
    assert title.strip() in newest
    assert all(each["status"] == "idle" for each in command("reports", "list", "--status", "idle", "--json").json)
