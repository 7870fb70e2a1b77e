"""Request or cancel a report with Inngest's client: `python inngest_client.py <report id> [requested|cancelled]`.

`INNGEST_EVENT_API_BASE_URL` is Andon's URL; `INNGEST_EVENT_KEY` an API key, or any text while keys are off.
"""

import sys

import inngest


def send(client: inngest.Inngest, name: str, data: dict[str, str]) -> list[str]:
    """Send an event as any Inngest application does; who asks is the key's owner, as this client sends no user."""
    return client.send_sync(inngest.Event(name=name, data=dict(data)))


if __name__ == "__main__":
    report_id, what = sys.argv[1], (sys.argv[2:] or ["cancelled"])[0]
    # is_production keeps the client from looking for Inngest's own development server.
    print(
        send(
            inngest.Inngest(app_id="reports", is_production=True), f"report/generation.{what}", {"reportId": report_id}
        )[0]
    )
