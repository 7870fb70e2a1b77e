"""Andon: durable functions that anyone allowed to can stop. This is the public API; the rest may change."""

from andon.engine.async_steps import AsyncStep
from andon.engine.debouncing import Debounce
from andon.engine.errors import (
    AndonError,
    Cancelled,
    ChildCancelled,
    ChildFailed,
    EventError,
    NonRetriable,
    RegistrationError,
    RetryAfter,
    StepError,
    StepTimeout,
)
from andon.engine.events import Event
from andon.engine.flow import Concurrency, Priority, RateLimit, Singleton, Throttle, Timeouts
from andon.engine.functions import Function, function
from andon.engine.invoking import Child
from andon.engine.rules import CancelOn
from andon.engine.steps import Step
from andon.engine.subjects import Row, Subject
from andon.engine.triggers import Cron, On
from andon.engine.waiting import Wait

__all__ = [
    "AndonError",
    "AsyncStep",
    "CancelOn",
    "Cancelled",
    "Child",
    "ChildCancelled",
    "ChildFailed",
    "Concurrency",
    "Cron",
    "Debounce",
    "Event",
    "EventError",
    "Function",
    "NonRetriable",
    "On",
    "Priority",
    "RateLimit",
    "RegistrationError",
    "RetryAfter",
    "Row",
    "Singleton",
    "Step",
    "StepError",
    "StepTimeout",
    "Subject",
    "Throttle",
    "Timeouts",
    "Wait",
    "function",
]
