"""What the routes work with, made by `create_app` and found through the app that serves the request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from flask import Flask, current_app

if TYPE_CHECKING:  # it only says what they are: what makes them may stand on it
    from redis import Redis

    from andon.adapters.storage import Storage
    from andon.settings import Settings
    from andon_api.asks.inspections import Inspections
    from andon_api.http.one_each import OneEach
    from andon_api.live_feed import LiveFeed
    from andon_api.looks import Looks
    from andon_api.publisher import Publisher

KEY = "andon"


@dataclass(frozen=True)
class Services:
    """One process's dependencies."""

    settings: Settings
    redis: Redis
    storage: Storage
    publisher: Publisher
    live: LiveFeed
    inspections: Inspections
    looks: Looks
    costly: OneEach
    large: OneEach

    def install(self, app: Flask) -> None:
        """Make these the services of `app`."""
        app.extensions[KEY] = self


def services() -> Services:
    """The services of the app that serves this request."""
    return cast(Services, current_app.extensions[KEY])
