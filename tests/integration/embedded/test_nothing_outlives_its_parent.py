import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.polling import wait_until

HOLD_STORES = """
import signal, sys
from pathlib import Path
from andon.embedded import PostgresServer, RedisServer
folder = Path(sys.argv[1])
with PostgresServer(folder / "postgres") as postgres, RedisServer(folder / "redis") as redis:
    print(postgres.pid, redis.pid, flush=True)
    signal.pause()
"""


def is_alive(pid: int) -> bool:
    """Whether the process does anything: a zombie doesn't."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux signals a parent's death")
def test_both_stores_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD_STORES, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        stores = [int(pid) for pid in parent.stdout.readline().split()]
        assert [is_alive(pid) for pid in stores] == [True, True]
        os.kill(parent.pid, signal.SIGKILL)
    wait_until(lambda: not any(is_alive(pid) for pid in stores), what="the end of both stores")
    assert not (tmp_path / "postgres/data/postmaster.pid").exists(), "PostgreSQL was not stopped in order"
