"""The server of a page with a card: what its route handlers do, in Python, and the page itself."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from andon.client import Andon, Conflict

BUNDLE = Path(__file__).parents[2] / "examples" / "next-card" / "bundle"
PAGE = """<!doctype html><html lang="en"><title>Card</title>
<div id="root" data-andon="{andon}" {report}></div>
<script type="module" src="/page.js"></script></html>"""


class CardServer:
    """It has the key; its page gets tokens that last `ttl` seconds."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.ttl = 900
        self.tokens = 0
        self.dataset: str | None = None
        self.options: dict[str, object] = {}
        self.andon: Andon | None = None

    @contextmanager
    def serving(self, andon: Andon) -> Iterator[None]:
        """Serve in a thread, with this client of the API."""
        self.andon = andon
        server = ThreadingHTTPServer(("127.0.0.1", self.port), self._handler())
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            server.server_close()
            thread.join()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        card = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path == "/page.js":
                    self._answer("text/javascript", (BUNDLE / "page.js").read_bytes())
                elif self.path == "/" or self.path.startswith("/reports/"):
                    assert card.andon is not None
                    id = self.path.rpartition("/")[2]
                    report = f'data-report="{id}"' if id else ""
                    self._answer("text/html", PAGE.format(andon=card.andon.url, report=report).encode())
                else:
                    self.send_error(404)

            def do_POST(self) -> None:
                assert card.andon is not None
                _, _, _, id, action = f"{self.path}/new/".split("/")[:5]
                if id == "new":
                    title = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["title"]
                    made = card.andon.reports.create(title, dataset_id=card.dataset, options=card.options)
                    said = {"id": made.id}
                elif action == "token":
                    card.tokens += 1
                    user = {"id": "ada"}
                    token = card.andon.tokens.create(f"report:{id}", scopes=["read", "cancel"], ttl=card.ttl, user=user)
                    said = {"token": token.token}
                else:
                    try:
                        said = {"eventId": card.andon.reports.generate(id, prefer_wait=5).event_id}
                    except Conflict as refused:
                        self._answer("application/json", json.dumps({"detail": str(refused)}).encode(), 409)
                        return
                self._answer("application/json", json.dumps(said).encode())

            def log_message(self, format: str, *args: object) -> None:
                pass

            def _answer(self, media_type: str, body: bytes, status: int = 200) -> None:
                self.send_response(status)
                self.send_header("Content-Type", media_type)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        return Handler
