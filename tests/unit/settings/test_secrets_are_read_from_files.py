"""`ANDON_SECRETS`: a folder whose files are named as variables, as a Secret is mounted."""

from __future__ import annotations

from pathlib import Path

import pytest

from andon.settings import Settings, SettingsError

URL = "postgresql://andon:hidden@host/andon"


def test_a_file_is_read_as_its_variable_and_the_environment_goes_before_it(tmp_path: Path) -> None:
    (tmp_path / "ANDON_DATABASE_URL").write_text(f"{URL}\n")
    (tmp_path / "ANDON_SECRET_KEY").write_text("from the file")
    (tmp_path / "..data").mkdir()
    (tmp_path / "unknown").write_text("left alone")
    settings = Settings.from_env({"ANDON_SECRETS": str(tmp_path), "ANDON_SECRET_KEY": "from the environment"})
    assert (settings.database_url, settings.secret_key) == (URL, "from the environment")


def test_what_is_wrong_in_a_file_is_told_by_its_variable_without_its_value(tmp_path: Path) -> None:
    (tmp_path / "ANDON_DATABASE_URL").write_text("mysql://andon:hidden@host/andon")
    with pytest.raises(SettingsError, match="ANDON_DATABASE_URL must be a URL") as refused:
        Settings.from_env({"ANDON_SECRETS": str(tmp_path)})
    assert "hidden" not in str(refused.value)
    (tmp_path / "ANDON_DATABASE_URL").write_bytes(b"\xff")
    with pytest.raises(SettingsError, match="ANDON_DATABASE_URL can't be read"):
        Settings.from_env({"ANDON_SECRETS": str(tmp_path)})


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="ANDON_SECRETS must be a folder"):
        Settings.from_env({"ANDON_SECRETS": str(tmp_path / "nowhere")})
