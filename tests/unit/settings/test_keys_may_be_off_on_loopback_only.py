"""When the API asks for keys, and when it refuses to start."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from andon.settings import Settings, SettingsError

LOOPBACK = ["127.0.0.1", "127.8.9.10", "::1", "localhost"]
ELSEWHERE = ["0.0.0.0", "::", "10.1.2.3", "andon.example", "localhost.example", ""]


@pytest.mark.parametrize("host", LOOPBACK)
def test_on_loopback_keys_are_asked_for_only_when_so_set(host: str) -> None:
    assert not Settings(host=host).requires_keys
    assert not Settings(host=host, auth="off").requires_keys
    assert Settings(host=host, auth="on").requires_keys


@pytest.mark.parametrize("host", ELSEWHERE)
def test_elsewhere_keys_cannot_be_switched_off(host: str) -> None:
    assert Settings(host=host).requires_keys
    with pytest.raises(SettingsError, match="loopback"):
        _ = Settings(host=host, auth="off").requires_keys


def test_a_word_that_means_nothing_is_refused() -> None:
    with pytest.raises(SettingsError, match="ANDON_AUTH must be auto, on or off"):
        _ = Settings(auth="no").requires_keys


def test_the_api_refuses_to_start_open_to_strangers() -> None:
    env = {**os.environ, "ANDON_HOST": "0.0.0.0", "ANDON_AUTH": "off"}
    ended = subprocess.run([sys.executable, "-m", "andon_api"], env=env, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 1
    assert ended.stderr.strip().count("\n") == 0
    assert "ANDON_AUTH=off works on a loopback address only" in ended.stderr


def test_settings_that_are_shown_hold_no_secret() -> None:
    shown = repr(Settings(database_url="postgresql://a:hidden@h/d", redis_url="redis://:hidden@h", secret_key="hidden"))
    assert "hidden" not in shown
