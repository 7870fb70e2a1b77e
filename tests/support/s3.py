"""An S3 server for tests: moto's, a real protocol over a real socket, as a child process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import boto3  # type: ignore[import-untyped]
import httpx
from fsspec import get_filesystem_class  # type: ignore[import-untyped]

from andon.embedded.children.spawn import spawn
from andon.embedded.ports import free_port
from tests.support.polling import wait_until

BUCKET = "andon-files"


class S3Server:
    """Keeps everything in memory: one that was stopped and started again is empty."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._log = folder / "s3.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def env(self) -> dict[str, str]:
        """What tells every AWS client where to go."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
        }

    def start(self) -> None:
        """Start it, and wait until it answers."""
        with self._log.open("ab") as log:
            self._process = spawn(
                [sys.executable, "-m", "moto.server", "-p", str(self.port)], env=os.environ, output=log
            )
        wait_until(self.answers, what="the S3 server")

    def pause(self) -> None:
        """Freeze it: it takes connections and says nothing."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def stop(self) -> None:
        """End it: nothing listens any more."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def answers(self) -> bool:
        """Whether it is there."""
        try:
            return httpx.get(self.url, timeout=2, trust_env=False, verify=False).is_success
        except httpx.HTTPError:
            return False

    def make_bucket(self) -> None:
        """Make the bucket that tests use."""
        client = boto3.client(
            "s3",
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
        client.create_bucket(Bucket=BUCKET)


@contextmanager
def s3_server(folder: Path) -> Iterator[S3Server]:
    """A server for the `with` block, with its bucket."""
    server = S3Server(folder)
    try:
        server.start()
        server.make_bucket()
        yield server
    finally:
        server.stop()
        forget_clients()


def forget_clients() -> None:
    """A client is kept for every later call alike, with the address that the environment had for the first."""
    get_filesystem_class("s3").clear_instance_cache()
