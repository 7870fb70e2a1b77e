"""A setting that Andon no longer has is refused, where going on without it would change what a system does."""

from __future__ import annotations

import pytest

from andon.settings import Settings, SettingsError


@pytest.mark.parametrize("value", ["1", "4", "many"])
def test_partitions_of_the_bus(value: str) -> None:
    with pytest.raises(SettingsError, match="ANDON_BUS_PARTITIONS is set, but the bus is one stream now: unset it"):
        Settings.from_env({"ANDON_BUS_PARTITIONS": value})


def test_set_to_nothing_is_not_set() -> None:
    assert Settings.from_env({"ANDON_BUS_PARTITIONS": ""}) == Settings()
