"""Redis by `rediss://`: every client of every process speaks TLS, and checks whom it speaks to."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from andon.adapters.redis.connect import connect
from tests.conftest import StartSystem
from tests.faults.proxy import Proxy
from tests.functions import FOLDER
from tests.support.ledger import Ledger
from tests.support.scene import FUNCTIONS, QUICK, Scene


@pytest.fixture
def tls_url(redis_url: str, tmp_path: Path) -> Iterator[str]:
    """A way to Redis that takes TLS only; its authority is known to nobody but who reads the file in the URL."""
    authority, file = trustme.CA(), tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(str(file))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with Proxy(redis_url, tls=context) as way:
        yield way.url.replace("redis://", "rediss://") + f"?ssl_ca_certs={file}"


def test_a_server_that_no_known_authority_speaks_for_is_refused(tls_url: str) -> None:
    with connect(tls_url, name="test") as trusting:
        assert trusting.ping() is True
    with (
        connect(tls_url.partition("?")[0], name="test") as strict,
        pytest.raises(RedisConnectionError, match="CERTIFICATE_VERIFY_FAILED"),
    ):
        strict.ping()


def test_a_name_that_is_not_the_servers_is_refused(tls_url: str) -> None:
    with (
        connect(tls_url.replace("127.0.0.1", "localhost"), name="test") as misled,
        pytest.raises(RedisConnectionError, match="CERTIFICATE_VERIFY_FAILED"),
    ):
        misled.ping()


def test_a_system_runs_and_cancels_over_tls_alone(
    system: StartSystem, tls_url: str, database_url: str, redis_url: str, redis: Redis, tmp_path: Path
) -> None:
    started = system(functions=(FUNCTIONS,), env={**QUICK, FOLDER: str(tmp_path)}, redis_url=tls_url)
    with Scene(started, database_url, redis_url, Ledger(tmp_path)) as scene:
        scene.request("done", steps=2)
        assert scene.wait_run("done")["status"] == "completed"
        scene.request("stopped", steps=2, plan={"step-1": {"gate": True}})
        scene.wait_step("stopped", "step-1")
        scene.cancel("stopped")
        assert scene.wait_run("stopped")["status"] == "cancelled"
        scene.wait_quiet()
