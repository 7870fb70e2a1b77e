"""The team's own page: it reads its table, and asks Andon for what is to happen.

ANDON_DATABASE_URL=… ANDON_URL=http://127.0.0.1:8000 python -m flask --app examples.own_table.page run --port 5000
"""

import os
from pathlib import Path

import psycopg
from flask import Flask, Response, request
from psycopg.rows import dict_row

from andon.client import Andon

PAGE = Path(__file__).with_name("page.html")
COLUMNS = "id, status, error, completed_at, cancelled_at, failed_at, jsonb_array_length(data->'numbers') AS rows"


def create_app(database_url: str, andon: Andon) -> Flask:
    """The page over this database; `andon` is asked for runs and cancels."""
    app = Flask(__name__)

    @app.get("/")
    def page() -> Response:
        return Response(PAGE.read_text(), mimetype="text/html")

    @app.get("/reports")
    def reports() -> dict[str, object]:
        with psycopg.connect(database_url, row_factory=dict_row) as connection:
            rows = connection.execute(f"SELECT {COLUMNS} FROM public.reports ORDER BY id").fetchall()
        times = ("completed_at", "cancelled_at", "failed_at")
        return {"reports": [{**row, **{each: row[each] and row[each].isoformat() for each in times}} for row in rows]}

    @app.post("/reports/<path:id>/generate")
    def generate(id: str) -> tuple[str, int]:
        rows = request.args.get("rows", 100, int)
        andon.events.send("report/generation.requested", {"reportId": id, "rows": rows})
        return "", 202

    @app.post("/reports/<path:id>/cancel")
    def cancel(id: str) -> tuple[str, int]:
        andon.events.send("report/generation.cancelled", {"reportId": id})
        return "", 202

    return app


def app() -> Flask:
    """For `flask --app examples.own_table.page run`."""
    return create_app(os.environ["ANDON_DATABASE_URL"], Andon(os.environ["ANDON_URL"]))
