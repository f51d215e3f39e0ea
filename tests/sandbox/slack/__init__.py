"""A strict Slack on loopback: Web API, signed requests, the people, and the page they use."""

from tests.sandbox.slack.pace import Pace
from tests.sandbox.slack.page import Page
from tests.sandbox.slack.stand_in import Keys, Slack

__all__ = ["Keys", "Pace", "Page", "Slack"]
