"""Values that are fine each and wrong together are refused at the start, by names and numbers."""

from __future__ import annotations

import pytest

from andon.settings import Settings, SettingsError


@pytest.mark.parametrize(
    ("env", "said"),
    [
        (
            {"ANDON_STEP_GRACE_SECONDS": "30"},
            r"ANDON_STEP_GRACE_SECONDS \(30\).*less than ANDON_SHUTDOWN_SECONDS \(25\)",
        ),
        ({"ANDON_STEP_GRACE_SECONDS": "30", "ANDON_SHUTDOWN_SECONDS": "30"}, "less than ANDON_SHUTDOWN_SECONDS"),
        ({"ANDON_SHUTDOWN_SECONDS": "8"}, r"ANDON_STEP_GRACE_SECONDS \(10\)"),
        ({"ANDON_LEASE_SECONDS": "3"}, r"ANDON_HEARTBEAT_SECONDS \(1.5\).*a third of ANDON_LEASE_SECONDS \(3\)"),
        ({"ANDON_HEARTBEAT_SECONDS": "0"}, "above 0"),
        ({"ANDON_LEASE_SECONDS": "nan"}, "ANDON_LEASE_SECONDS must be a number of at least 0, not 'nan'"),
        ({"ANDON_SHUTDOWN_SECONDS": "inf"}, "ANDON_SHUTDOWN_SECONDS must be a number"),
        ({"ANDON_API_THREADS": "0"}, "ANDON_API_THREADS must be at least 1"),
        ({"ANDON_LANES_START": "thread"}, "ANDON_LANES_START must be fork or spawn, not 'thread'"),
        ({"ANDON_LIBRARY_LOG_LEVEL": "chatty"}, "ANDON_LIBRARY_LOG_LEVEL must be"),
        ({"ANDON_HEALTH_PORT": "70000"}, "ANDON_HEALTH_PORT must be a port"),
        ({"PORT": "65536"}, "PORT must be a port"),
        ({"ANDON_HEALTH_PORT": "9100", "ANDON_API_WORKERS": "2"}, "ANDON_API_WORKERS above 1"),
        ({"ANDON_METRICS_AUTH": "yes"}, "ANDON_METRICS_AUTH must be on or off, not 'yes'"),
        ({"ANDON_LOG_LEVEL": "loud"}, "ANDON_LOG_LEVEL must be debug, info, warning, error or critical"),
    ],
)
def test_what_cannot_work_together_is_refused(env: dict[str, str], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        Settings.from_env(env)


def test_the_defaults_and_a_long_grace_are_accepted() -> None:
    Settings.from_env({})
    Settings.from_env(
        {"ANDON_STEP_GRACE_SECONDS": "1800", "ANDON_SHUTDOWN_SECONDS": "1830", "ANDON_LOG_LEVEL": "debug"}
    )
