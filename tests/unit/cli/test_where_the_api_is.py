from pathlib import Path

from andon.cli.terminal.where import known_url
from andon.embedded.home import env_file, read_env_file

WORDS = "it's $HOME & more"


def test_the_environment_comes_first(tmp_path: Path) -> None:
    with env_file(tmp_path, {"ANDON_URL": "http://running:1"}, []):
        env = {"ANDON_HOME": str(tmp_path), "ANDON_URL": "http://named:2"}
        assert known_url(env) == "http://named:2"


def test_the_system_that_runs_on_the_home_comes_next(tmp_path: Path) -> None:
    with env_file(tmp_path, {"ANDON_URL": "http://running:1"}, [tmp_path / "bin"]):
        assert known_url({"ANDON_HOME": str(tmp_path), "PORT": "8001"}) == "http://running:1"


def test_without_either_it_is_the_port_on_this_machine(tmp_path: Path) -> None:
    assert known_url({"ANDON_HOME": str(tmp_path), "PORT": "8001"}) == "http://127.0.0.1:8001"


def test_the_env_file_brings_any_value_back_and_goes_away(tmp_path: Path) -> None:
    with env_file(tmp_path, {"ANDON_DATABASE_URL": WORDS}, [tmp_path / "a folder"]) as file:
        assert read_env_file(tmp_path)["ANDON_DATABASE_URL"] == WORDS
        assert file.exists()
    assert read_env_file(tmp_path) == {}
