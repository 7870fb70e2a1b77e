"""A test's process is forked from an image only where it would begin like it, and with this Andon."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.images import PACKAGES, can_be_forked


def test_settings_and_modules_of_a_tests_own_are_given_to_the_image(tmp_path: Path) -> None:
    env = {**os.environ, "ANDON_LEASE_SECONDS": "2", "PYTHONPATH": f"{tmp_path}:{os.getcwd()}", "PYTHONUNBUFFERED": "1"}
    assert can_be_forked("andon_worker", env)


@pytest.mark.parametrize("name", ["LD_PRELOAD", "PYTHONDEVMODE", "TZ", "LC_ALL", "OTEL_PYTHON_CONTEXT"])
def test_what_is_read_at_the_beginning_needs_a_beginning(name: str) -> None:
    assert not can_be_forked("andon_worker", {**os.environ, name: "another"})


@pytest.mark.parametrize("package", PACKAGES)
def test_another_release_is_not_in_the_image(tmp_path: Path, package: str) -> None:
    (tmp_path / package).mkdir()
    assert not can_be_forked("andon_worker", {**os.environ, "PYTHONPATH": f"{os.getcwd()}:{tmp_path}"})


def test_what_there_is_no_image_of_begins_from_nothing() -> None:
    assert not can_be_forked("andon.migrations", os.environ)
