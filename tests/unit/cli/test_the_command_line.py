import datetime as dt

import duckdb
import pytest
from typer.testing import CliRunner

from andon.cli.app import app
from andon.cli.rest.demo import fraction, write_orders
from andon.client import Report


def test_each_process_has_a_command() -> None:
    shown = CliRunner().invoke(app, ["--help"])
    assert shown.exit_code == 0
    for command in ("dev", "api", "dispatcher", "worker", "migrate", "demo", "version"):
        assert f" {command} " in shown.output


def test_an_unknown_command_is_refused_with_2() -> None:
    refused = CliRunner().invoke(app, ["fly"])
    assert refused.exit_code == 2
    assert "No such command 'fly'" in refused.output


def test_the_version_is_the_installed_one() -> None:
    assert CliRunner().invoke(app, ["version"]).output.startswith("andon 0.")


@pytest.mark.parametrize(("progress", "expected"), [(None, 0.0), (0.25, 0.25), (1, 1.0)])
def test_a_reports_progress_is_a_fraction(progress: float | None, expected: float) -> None:
    report = Report(id="r", title="t", status="generating", created_at=dt.datetime.now(dt.UTC), progress=progress)
    assert fraction(report) == expected


def test_the_demos_data_has_the_rows_that_were_asked_for_and_something_to_find(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    file = tmp_path_factory.mktemp("orders") / "it's orders.parquet"
    write_orders(file, 5_000)
    rows, regions, missing, together = duckdb.execute(
        "SELECT count(*), count(DISTINCT region), count(*) - count(delivery_days), corr(items, amount)"
        " FROM read_parquet(?)",
        [str(file)],
    ).fetchall()[0]
    assert (rows, regions) == (5_000, 4)
    assert 0 < missing < 500
    assert together > 0.5
