"""Logging: one line per record on standard output, with the same keys in every process; JSON unless a person looks."""

import logging
import sys
from contextlib import suppress

import structlog
from structlog.typing import EventDict, Processor


def configure_logging(process: str, level: str, *keys: Processor) -> None:
    """Send structlog and the standard library's loggers to standard output, from `level` up.

    `process` is in each line, and so is what `structlog.contextvars` has bound where it was said: a run's tenant, id,
    function, step and trace. `keys` are processors that add more.
    """
    number = logging.getLevelNamesMapping().get(level.upper(), logging.INFO)

    def name_process(_logger: object, _method: str, event: EventDict) -> EventDict:
        return {"process": process, **event}

    said: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        *keys,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*said, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(number),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*said, structlog.stdlib.ExtraAdder()],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, name_process, *_rendered()],
        )
    )
    logging.basicConfig(level=number, handlers=[handler], force=True)


def configure_capture(level: str, handler: logging.Handler) -> None:
    """Send structlog and the standard library's loggers to `handler`, from `level` up, and nowhere else."""
    number = logging.getLevelNamesMapping().get(level.upper(), logging.INFO)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(number),
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(number)
    logging.disable(logging.NOTSET)


def flush_output() -> None:
    """Write what is printed and isn't written yet, if that can be: the disk may be full, a stream closed."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):
            stream.flush()


def _rendered() -> list[Processor]:
    """Plain tracebacks: what a frame's variables hold, secrets among them, is nobody's to read in a log."""
    if sys.stdout.isatty():
        return [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
    return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
