"""`ANDON_ORIGINS`: compared to the letter with what browsers send, so it has to be written as they do."""

from __future__ import annotations

import pytest

from andon.settings import Settings, SettingsError


def test_origins_are_a_list() -> None:
    env = {"ANDON_ORIGINS": "https://app.example.com, http://localhost:3000,http://[::1]:3000"}
    assert Settings.from_env(env).origins == ("https://app.example.com", "http://localhost:3000", "http://[::1]:3000")


@pytest.mark.parametrize(
    "wrong",
    [
        "*",
        "null",
        "app.example.com",
        "https://app.example.com/",
        "https://App.example.com",
        "https://app.example.com:443",
        "https://*.example.com",
        "https://ann@app.example.com",
        "ftp://app.example.com",
        "https://app.example.com:x",
    ],
)
def test_what_no_browser_sends_is_refused(wrong: str) -> None:
    with pytest.raises(SettingsError, match="ANDON_ORIGINS must be origins"):
        Settings.from_env({"ANDON_ORIGINS": wrong})
