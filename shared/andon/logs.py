"""Logging: one line of JSON per record on standard output, the same keys in every process."""

from __future__ import annotations

import logging
import sys

import structlog


def configure_logging(process: str, level: str) -> None:
    """Route the standard library's loggers through structlog's JSON renderer; `process` is in each line."""
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]

    def name_process(_logger: object, _method: str, event: structlog.types.EventDict) -> structlog.types.EventDict:
        return {"process": process, **event}

    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                name_process,
                structlog.processors.format_exc_info,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
