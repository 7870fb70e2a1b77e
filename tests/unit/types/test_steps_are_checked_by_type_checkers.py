"""mypy and pyright over a sample of right and wrong code."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from mypy import api

from tests.support.needs import program

SAMPLE = Path(__file__).with_name("sample.py.txt")
WRONG = {number for number, line in enumerate(SAMPLE.read_text().splitlines(), start=1) if line.endswith("# wrong")}


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    made = tmp_path / "sample.py"
    made.write_text(SAMPLE.read_text())
    return made


def test_wrong_arguments_and_results_that_are_not_json_are_type_errors_and_nothing_else_is(sample: Path) -> None:
    said, complaint, _ = api.run(["--strict", "--no-error-summary", f"--cache-dir={sample.parent}", str(sample)])
    refused = {int(line) for line in re.findall(r"^.*sample\.py:(\d+): error:", said, re.MULTILINE)}
    assert refused == WRONG, said + complaint


def test_pyright_refuses_the_same_lines_and_no_others(sample: Path) -> None:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    checker = program("basedpyright", "pyright", get="pip install basedpyright", path=path)
    said = subprocess.run(
        [checker, "--outputjson", "--pythonpath", sys.executable, sample.name],
        cwd=sample.parent,
        capture_output=True,
        check=False,
    )
    told = [each for each in json.loads(said.stdout)["generalDiagnostics"] if each["severity"] == "error"]
    assert {each["range"]["start"]["line"] + 1 for each in told} == WRONG, told
