"""Spans, named by what is done, that never carry a value: no argument, no message of an error, no path, no query."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import entry_points
from typing import Literal

from opentelemetry import context, trace
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.trace import Link, Span, SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import AttributeValue

from andon.adapters.tracing.clients import trace_clients
from andon.engine.errors import Cancelled

CLOSE_SECONDS = 3.0
FLUSH_SECONDS = 0.2
W3C = TraceContextTextMapPropagator()


class Tracing:
    """This process's spans. Calls of psycopg and redis inside one of them are spans below it."""

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("andon")
        trace_clients(self._tracer)

    @classmethod
    def start(cls, process: str, env: Mapping[str, str]) -> Tracing:
        """Export as the environment says; functions' own spans, made with OpenTelemetry's API, go the same way.

        Raises `LookupError` for an exporter that isn't installed, `ValueError` for other values that can't be used.
        """
        provider = TracerProvider(resource=_resource(process), shutdown_on_exit=False)
        for name in (env.get("OTEL_TRACES_EXPORTER") or "otlp").split(","):
            provider.add_span_processor(BatchSpanProcessor(_exporter(name.strip(), env)))
        trace.set_tracer_provider(provider)
        return cls(provider)

    @contextmanager
    def span(
        self,
        name: str,
        *,
        kind: Literal["internal", "server", "consumer"] = "internal",
        parent: str | None = None,
        links: Iterable[str] = (),
        attributes: Mapping[str, AttributeValue] | None = None,
    ) -> Iterator[Span]:
        """A span for as long as the block lasts. `parent` and `links` are traceparents; without one, below the
        thread's own span, or a new trace.

        An exception that ends the block is shown by its type alone: its message can hold anything.
        """
        span = self._tracer.start_span(
            name,
            context=None if parent is None else _context(parent),
            kind=SpanKind[kind.upper()],
            links=[_link(each) for each in links],
            attributes=attributes,
        )
        with trace.use_span(span, end_on_exit=True, record_exception=False, set_status_on_exception=False):
            try:
                yield span
            except BaseException as error:
                span.set_attribute("error.type", type(error).__name__)
                if isinstance(error, Exception) and not isinstance(error, Cancelled):
                    span.set_status(StatusCode.ERROR)
                raise

    def begin(self, name: str, *, parent: str | None, attributes: Mapping[str, AttributeValue]) -> Span:
        """A consumer's span that is ended by `finish`, perhaps in another thread."""
        return self._tracer.start_span(
            name,
            context=None if parent is None else _context(parent),
            kind=SpanKind.CONSUMER,
            attributes=attributes,
        )

    def finish(self, span: Span, attributes: Mapping[str, AttributeValue], *, link: str | None = None) -> None:
        """End it, with what is known only now."""
        span.set_attributes(attributes)
        if link is not None:
            span.add_link(_link(link).context)
        span.end()

    def traceparent_of(self, span: Span) -> str | None:
        """What another process needs to make spans below it."""
        carrier: dict[str, str] = {}
        W3C.inject(carrier, trace.set_span_in_context(span, context.Context()))
        return carrier.get("traceparent")

    @contextmanager
    def joined(self, traceparent: str) -> Iterator[None]:
        """Spans of the block are below one that another process has begun."""
        token = context.attach(_context(traceparent))
        try:
            yield
        finally:
            context.detach(token)

    def here(self) -> str | None:
        """The traceparent of this thread's span."""
        carrier: dict[str, str] = {}
        W3C.inject(carrier)
        return carrier.get("traceparent")

    def flush(self) -> None:
        """Send what has ended: this process may be thrown away at any time."""
        self._provider.force_flush(int(FLUSH_SECONDS * 1000))

    def close(self) -> None:
        """Send what has not been sent, for at most three seconds: nobody waits longer for a collector that is away."""
        closing = threading.Thread(target=self._provider.shutdown, daemon=True, name="andon-tracing-close")
        closing.start()
        closing.join(CLOSE_SECONDS)


def _resource(process: str) -> Resource:
    named = Resource.create()
    if str(named.attributes.get(SERVICE_NAME, "")).startswith("unknown_service"):
        return named.merge(Resource({SERVICE_NAME: f"andon-{process}"}))
    return named


def _exporter(name: str, env: Mapping[str, str]) -> SpanExporter:
    if name == "otlp":
        protocol = env.get("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL") or env.get("OTEL_EXPORTER_OTLP_PROTOCOL")
        name = "otlp_proto_grpc" if protocol == "grpc" else "otlp_proto_http"
    found = entry_points(group="opentelemetry_traces_exporter", name=name)
    if not found:
        raise LookupError(f"no exporter {name!r} is installed")
    exporter: type[SpanExporter] = next(iter(found)).load()
    return exporter()


def _context(traceparent: str) -> context.Context:
    return W3C.extract({"traceparent": traceparent}, context.Context())


def _link(traceparent: str) -> Link:
    return Link(trace.get_current_span(_context(traceparent)).get_span_context())
