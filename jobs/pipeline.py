"""The table of steps: what happens to an invoice, in the order in which each queue runs them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Place:
    """A step's queue, and the module whose `step` function builds it."""

    queue: str
    module: str
    bulk: bool = False
    """Leaves room in the request budget for work that a person is waiting for."""


STEPS: Mapping[str, Place] = {
    "detect": Place("intake", "jobs.intake.events"),
    "upkeep": Place("intake", "jobs.companies.upkeep", bulk=True),
    "poll": Place("intake", "jobs.intake.poll", bulk=True),
    "sweep": Place("intake", "jobs.intake.sweep", bulk=True),
    "habits": Place("intake", "jobs.intake.habits", bulk=True),
    "outlook": Place("intake", "jobs.reports.forecasting"),
    "digest": Place("intake", "jobs.reports.digest"),
    "first_look": Place("intake", "jobs.reports.first_look"),
    "promises": Place("intake", "jobs.replies.promises"),
    "log_head": Place("intake", "jobs.reports.log_head"),
    "retention": Place("intake", "jobs.companies.retention"),
    "replies": Place("triage", "jobs.replies.step"),
    "triage": Place("triage", "jobs.triage.step", bulk=True),
    "send": Place("act", "jobs.send.step"),
    "write_back": Place("act", "jobs.write_back"),
    "messages": Place("act", "bot.slack.outbox"),
    "tell_managers": Place("act", "jobs.tell_managers"),
    "copies": Place("act", "bot.slack.copies"),
    "people": Place("act", "bot.slack.people"),
}
"""Steps of one queue share a worker, in this order."""

QUEUES = {name: place.queue for name, place in STEPS.items()}
BULK = frozenset(name for name, place in STEPS.items() if place.bulk)
