"""Andon: durable functions that anyone allowed to can stop. This is the public API; the rest may change."""

from andon.engine.declared.debouncing import Debounce
from andon.engine.declared.flow import Concurrency, Priority, RateLimit, Singleton, Throttle, Timeouts
from andon.engine.declared.functions import Function, function
from andon.engine.declared.rules import CancelOn
from andon.engine.declared.subjects import Row, Subject
from andon.engine.declared.triggers import Cron, On
from andon.engine.declared.waits import Wait
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
from andon.engine.steps.async_step import AsyncStep
from andon.engine.steps.invoking import Child
from andon.engine.steps.step import Step

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
