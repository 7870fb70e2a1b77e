"""mypy over a sample of right and wrong code."""

from __future__ import annotations

import re
from pathlib import Path

from mypy import api

SAMPLE = Path(__file__).with_name("sample.py.txt")


def test_wrong_arguments_and_results_that_are_not_json_are_type_errors_and_nothing_else_is(tmp_path: Path) -> None:
    sample = tmp_path / "sample.py"
    sample.write_text(SAMPLE.read_text())
    said, complaint, _ = api.run(["--strict", "--no-error-summary", f"--cache-dir={tmp_path}", str(sample)])
    refused = {int(line) for line in re.findall(r"^.*sample\.py:(\d+): error:", said, re.MULTILINE)}
    lines = enumerate(SAMPLE.read_text().splitlines(), start=1)
    assert refused == {number for number, line in lines if line.endswith("# wrong")}, said + complaint
