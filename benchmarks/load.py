"""Requests over kept connections from threads of one process, each sent when the answer to the last one is there."""

from __future__ import annotations

import http.client
import json
import sys
import threading
import time

WARM_UP = 0.5


def press(
    port: int, path: str, bodies: list[str], *, threads: int, seconds: float, rate: float = 0.0, once: bool = False
) -> list[float]:
    """Latencies of the requests in `seconds`; with `rate`, so many a second are begun, evenly spread.

    With `once`, each body is sent once however long that takes; `{}` in the path is replaced by it.
    """
    if once:
        seconds = 3600.0
    ends = time.monotonic() + WARM_UP + seconds
    counts_from = 0.0 if once else ends - seconds
    took: list[float] = []
    position = iter(range(10**9))

    def client(number: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        due = time.monotonic() + (number / rate if rate else 0)
        while (began := time.monotonic()) < ends:
            if rate:
                if due > began:
                    time.sleep(due - began)
                began, due = due, due + threads / rate
            place = next(position)
            if once and place >= len(bodies):
                return
            body = bodies[place % len(bodies)]
            where = path if "{}" not in path else path.format(body)
            connection.request("POST", where, "{}" if where != path else body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            response.read()
            if response.status >= 300:
                raise RuntimeError(f"{where} answered {response.status}")
            if began >= counts_from:
                took.append(time.monotonic() - began)

    clients = [threading.Thread(target=client, args=(number,)) for number in range(threads)]
    for each in clients:
        each.start()
    for each in clients:
        each.join()
    return took


if __name__ == "__main__":
    asked = json.load(sys.stdin)
    json.dump(press(**asked), sys.stdout)
