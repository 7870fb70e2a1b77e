"""Which scope each route takes. A route that isn't named here is refused: a new one has to be decided about."""

READ = frozenset({"read"})
WRITE = frozenset({"write"})
CANCEL = frozenset({"cancel"})
ADMIN = frozenset({"admin"})
SEND = WRITE | CANCEL  # either; which one an event takes, `admission` says
ANY = READ | WRITE | CANCEL | ADMIN
OPEN: frozenset[str] = frozenset()  # for callers without a key too

_ROUTES = {
    OPEN: "health.healthz health.readyz console.static login.page login.enter docs.problem metrics.metrics",
    ANY: "login.leave",
    READ: """
        api-docs.openapi_json docs.page docs.bus
        artifacts.download artifacts.listed artifacts.download_of_run datasets.listed datasets.one cancellations.one
        tokens.of_report tokens.of_run tokens.of_many tokens.of_subject tokens.revoke subjects.listed subjects.one
        events.listed events.one functions.listed reports.listed reports.one runs.listed runs.one runs.steps runs.step
        runs.output logs.listed logs.download logs.stream
        streams.report streams.run streams.many streams.subject usage.mine keeping.mine workers.listed
        console.usage_page pauses.listed schedules.listed console.schedule_list
        console.home console.cards console.preview console.report console.run_list console.run console.event_list
        console.event console.functions console.bulk console.cancellation console.live console.result
        console.subject_cards
    """,
    WRITE: """
        datasets.upload datasets.delete reports.create reports.change reports.delete reports.generate runs.rerun
        subjects.ask console.request_subject console.request_again
        schedules.run console.run_schedule
        console.create console.upload console.generate console.delete console.rerun
    """,
    CANCEL: """
        cancellations.start reports.cancel runs.cancel runs.delete subjects.cancel console.cancel_subject
        console.cancel console.cancel_run console.count console.cancel_many
    """,
    SEND: "events.send inngest.send console.send",
    ADMIN: """
        events.dead events.replay_dead console.dead_events console.replay_dead audit.listed console.audit_list
        pauses.pause_function pauses.resume_function pauses.pause_queue pauses.resume_queue
        console.pause_function console.resume_function
        webhooks.listed webhooks.create webhooks.one webhooks.delete webhooks.rotate webhooks.finish
        webhooks.deliveries webhooks.resend
        schedules.pause schedules.resume console.pause_schedule console.resume_schedule
        keeping.change console.change_keeping
        console.webhook_list console.webhook console.create_webhook console.rotate_webhook console.finish_rotation
        console.delete_webhook console.resend_delivery
    """,
}

SCOPES = {endpoint: scopes for scopes, endpoints in _ROUTES.items() for endpoint in endpoints.split()}


def scopes_of(endpoint: str) -> frozenset[str] | None:
    """The scopes of which a caller needs one; `OPEN` for everybody, None for a route nobody has decided about."""
    return SCOPES.get(endpoint)
