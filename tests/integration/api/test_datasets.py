"""Uploads over HTTP: what is taken, what is refused and with which code."""

from __future__ import annotations

import gzip
import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from andon.settings import Settings
from tests.integration.api.conftest import CSV, Client, MakeApp

API = "/api/v1"


def upload(client: Client, name: str, content: bytes, **options: Any) -> Any:
    return client.post(f"{API}/datasets", data={"file": (io.BytesIO(content), name)}, **options)


def test_an_upload_is_stored_and_described(client: Client, settings: Settings) -> None:
    answer = upload(client, "sales.csv", CSV)
    assert answer.status_code == 201
    shown = answer.json
    assert (shown["name"], shown["rows"], shown["bytes"]) == ("sales.csv", 28, len(CSV))
    assert [each["name"] for each in shown["columns"]] == ["day", "region", "amount"]
    assert client.get(f"{API}/datasets/{shown['id']}").json == shown
    assert client.get(f"{API}/datasets").json["items"] == [shown]
    [stored] = [path for path in Path(settings.storage_url.removeprefix("file://")).rglob("*") if path.is_file()]
    assert stored.read_bytes() == CSV


def test_a_tenants_datasets_take_so_much_together_and_no_more(make_app: MakeApp, settings: Settings) -> None:
    client = make_app(replace(settings, datasets_limit_bytes=2 * len(CSV) + 300)).test_client()
    first = upload(client, "sales.csv", CSV)
    assert first.status_code == 201
    assert upload(client, "sales.csv", CSV).status_code == 201
    full = upload(client, "sales.csv", CSV)
    assert (full.status_code, full.json["detail"].startswith(f"your datasets take {2 * len(CSV):,} of")) == (413, True)
    assert client.delete(first.headers["Location"]).status_code == 204
    assert upload(client, "sales.csv", CSV).status_code == 201


def test_a_gzipped_upload_is_read(client: Client) -> None:
    assert upload(client, "sales.csv.gz", gzip.compress(CSV)).json["rows"] == 28


@pytest.mark.parametrize(
    ("name", "content", "status", "said"),
    [
        ("sales.csv", b"a,b\n1,2\n1,2,3\n", 422, "line 3"),
        ("sales.csv", b"", 422, "empty"),
        ("sales.docx", b"PK\x03\x04", 415, ".csv"),
        ("sales.csv", b"a,b\n" + b"1,2\n" * 100_000, 413, "200,000"),
    ],
)
def test_a_file_that_is_no_dataset_is_refused(
    client: Client, settings: Settings, name: str, content: bytes, status: int, said: str
) -> None:
    answer = upload(client, name, content)
    assert answer.status_code == status
    assert answer.content_type == "application/problem+json"
    assert said in answer.json["detail"]
    assert not Path(settings.storage_url.removeprefix("file://")).exists()


def test_a_length_over_the_limit_is_refused_before_the_body_is_read(client: Client) -> None:
    class Unread(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise AssertionError("the body was read")

    answer = client.post(
        f"{API}/datasets",
        content_type="multipart/form-data; boundary=b",
        environ_overrides={"CONTENT_LENGTH": "9000000000", "wsgi.input": Unread()},
    )
    assert answer.status_code == 413


def test_a_body_that_is_no_form_is_unsupported(client: Client) -> None:
    assert client.post(f"{API}/datasets", json={}).status_code == 415


def test_a_form_without_a_file_names_the_field(client: Client) -> None:
    answer = client.post(f"{API}/datasets", data={"other": (io.BytesIO(CSV), "sales.csv")})
    assert (answer.status_code, answer.json["errors"][0]["pointer"]) == (422, "/file")


def test_a_repeated_upload_with_one_key_is_one_dataset(client: Client) -> None:
    first, second = (upload(client, "sales.csv", CSV, headers={"Idempotency-Key": "k"}) for _ in range(2))
    assert first.json == second.json
    assert len(client.get(f"{API}/datasets").json["items"]) == 1


def test_an_unknown_dataset_is_not_found(client: Client) -> None:
    assert client.get(f"{API}/datasets/nonsense").status_code == 404
