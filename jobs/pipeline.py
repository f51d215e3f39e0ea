"""The table of steps: what happens to an invoice, in the order in which each queue runs them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Place:
    """A step's queue, and the module whose `step` function builds it."""

    queue: str
    module: str
    bulk: bool = False
    """Leaves room in the request budget for work that a person is waiting for."""
    scheduled: Literal["", "company", "connection", "all"] = ""
    """Whose rows of the schedule it works on: one for each company ("connection": due at once when
    the company is connected again), or one for all. "" for a table of its own, or where another
    step puts its row there."""


STEPS: Mapping[str, Place] = {
    "detect": Place("intake", "jobs.intake.events"),
    "upkeep": Place("intake", "jobs.companies.upkeep", bulk=True, scheduled="connection"),
    "poll": Place("intake", "jobs.intake.poll", bulk=True, scheduled="connection"),
    "sweep": Place("intake", "jobs.intake.sweep", bulk=True, scheduled="connection"),
    "habits": Place("intake", "jobs.reports.cash.habits", bulk=True, scheduled="company"),
    "outlook": Place("intake", "jobs.reports.cash.forecasting"),
    "digest": Place("intake", "jobs.reports.digest", scheduled="company"),
    "review": Place("intake", "jobs.reports.review.weekly", scheduled="company"),
    "first_look": Place("intake", "jobs.reports.first_look", scheduled="company"),
    "promises": Place("intake", "jobs.replies.promises", scheduled="connection"),
    "log_head": Place("intake", "jobs.reports.audit.log_head", scheduled="all"),
    "retention": Place("intake", "jobs.companies.retention", scheduled="all"),
    "replies": Place("triage", "jobs.replies.step", scheduled="connection"),
    "triage": Place("triage", "jobs.triage.step", bulk=True),
    "send": Place("act", "jobs.send.step"),
    "write_back": Place("act", "jobs.write_back"),
    "messages": Place("act", "bot.slack.outbox"),
    "tell_managers": Place("act", "jobs.tell_managers", scheduled="connection"),
    "draft_copies": Place("act", "bot.slack.draft_copies"),
    "filing": Place("act", "jobs.send.filing"),
    "people": Place("act", "bot.slack.people", scheduled="all"),
}
"""Steps of one queue share a worker, in this order."""

QUEUES = {name: place.queue for name, place in STEPS.items()}
FOR_ALL = [name for name, place in STEPS.items() if place.scheduled == "all"]
AT_CONNECTION = [name for name, place in STEPS.items() if place.scheduled == "connection"]
EACH_COMPANY = [name for name, place in STEPS.items() if place.scheduled == "company"]
BULK = frozenset(name for name, place in STEPS.items() if place.bulk)
