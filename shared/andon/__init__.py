"""Andon: durable functions that anyone allowed to can stop. This is the public API; the rest may change."""

from andon.engine.errors import (
    AndonError,
    Cancelled,
    EventError,
    NonRetriable,
    RegistrationError,
    RetryAfter,
    StepError,
    StepTimeout,
)
from andon.engine.events import Event
from andon.engine.functions import Function, function
from andon.engine.gates import Concurrency
from andon.engine.rules import CancelOn
from andon.engine.steps import AsyncStep, Step
from andon.engine.subjects import Row, Subject
from andon.engine.triggers import Cron, On

__all__ = [
    "AndonError",
    "AsyncStep",
    "CancelOn",
    "Cancelled",
    "Concurrency",
    "Cron",
    "Event",
    "EventError",
    "Function",
    "NonRetriable",
    "On",
    "RegistrationError",
    "RetryAfter",
    "Row",
    "Step",
    "StepError",
    "StepTimeout",
    "Subject",
    "function",
]
