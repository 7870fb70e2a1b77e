"""The AsyncAPI document against the code that writes and reads the bus."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from typing import Any

import jsonschema_rs
import pytest
from redis import Redis

from andon.adapters.redis import bus, live
from andon.adapters.redis.sending import send
from andon.engine.errors import EventError
from andon.engine.events import ENDS, OWN_CANCELS, Event
from andon.settings import Settings
from andon_api.app import create_app
from tests.contract.openapi import current

FULL = Event(
    "a/b", {"n": 1}, "x", dt.datetime(2026, 1, 1, tzinfo=dt.UTC), {"id": "ada"}, "acme", traceparent="00-" + "0" * 32
)


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    """The document as it is served."""
    return dict(create_app(Settings()).test_client().get("/api/v1/asyncapi.json").get_json())


@pytest.fixture(scope="module")
def entry(document: dict[str, Any]) -> dict[str, Any]:
    """The shape of an entry."""
    return dict(document["components"]["messages"]["event"]["payload"])


def read(fields: dict[str, str]) -> Event:
    """The entry as the dispatcher reads it."""
    return bus.decode("1-0", {key.encode(): value.encode() for key, value in fields.items()})


def test_it_names_every_field_that_is_read_and_no_other(entry: dict[str, Any]) -> None:
    assert set(entry["properties"]) == bus.FIELDS


def test_what_andon_writes_is_of_that_shape(entry: dict[str, Any]) -> None:
    written = bus.encode(FULL)
    assert set(written) == bus.FIELDS - {"v"}
    jsonschema_rs.Draft202012Validator(entry).validate(written)


def test_the_data_of_andons_own_events_have_one_shape_in_both_documents(document: dict[str, Any]) -> None:
    rest, bus_ = current()["components"]["schemas"], document["components"]["schemas"]
    assert rest["RunEnded"] == bus_["RunEnded"]
    named = {each["name"]: each["payload"] for each in document["components"]["messages"].values() if "name" in each}
    assert set(named) == {*ENDS, *OWN_CANCELS}
    for name, payload in named.items():
        assert payload["properties"]["name"] == {"const": name}
        assert payload["properties"]["data"]["contentSchema"]["$ref"].rpartition("/")[2] in bus_


def test_its_examples_can_be_read(document: dict[str, Any], entry: dict[str, Any]) -> None:
    for example in document["components"]["messages"]["event"]["examples"]:
        jsonschema_rs.Draft202012Validator(entry).validate(example["payload"])
        assert read(example["payload"]).name == example["payload"]["name"]


@pytest.mark.parametrize(
    "wrong", [{}, {"name": "with space"}, {"name": "x" * 201}, {"name": "a/b", "v": "2"}, {"name": "a/b", "ts": "now"}]
)
def test_what_it_forbids_is_refused(entry: dict[str, Any], wrong: dict[str, str]) -> None:
    assert not jsonschema_rs.Draft202012Validator(entry).is_valid(wrong)
    with pytest.raises(EventError):
        read(wrong)


def test_it_names_the_stream_and_the_channel(document: dict[str, Any], redis: Redis) -> None:
    channels = document["channels"]
    assert (channels["events"]["address"], channels["live"]["address"]) == (bus.STREAM, live.CHANNEL)
    shape = document["components"]["messages"]["changed"]["payload"]
    with redis.pubsub(ignore_subscribe_messages=True) as heard:  # type: ignore[no-untyped-call]
        heard.subscribe(live.CHANNEL)
        heard.get_message(timeout=1)
        live.announce_lines(redis, [uuid.uuid4()])
        runs = [(uuid.uuid4(), None), (uuid.uuid4(), uuid.uuid4())]
        send(redis, live.announcing(runs, [uuid.uuid4(), uuid.uuid4()]))
        told = [json.loads(heard.get_message(timeout=2)["data"]) for _ in range(4)]
    known = set(shape["properties"])
    for each in told:
        jsonschema_rs.Draft202012Validator(shape).validate(each)
        assert set(each) <= known
