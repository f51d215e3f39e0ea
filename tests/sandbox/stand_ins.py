"""Everything outside the product, served at one address, and the settings that point at it."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.sandbox import company
from tests.sandbox.hubspot import HubSpot
from tests.sandbox.mail.inbox import ADDRESS, Inbox
from tests.sandbox.mail.inbox import running as running_inbox
from tests.sandbox.mail.mailbox import Mailbox, running
from tests.sandbox.model.service import StandInModel
from tests.sandbox.quickbooks.service import QuickBooks
from tests.sandbox.slack import Page, Slack
from tests.sandbox.world import World, serve
from tests.sandbox.zendesk import Zendesk

MANIFEST = Path(__file__).parent.parent.parent / "manifest.yml"
CHANNEL = "CFINANCE"


@dataclass(frozen=True)
class StandIns:
    """The outside world of one product; `url` is the page and the base of the control calls."""

    world: World
    url: str
    slack: Slack
    quickbooks: QuickBooks
    mailbox: Mailbox
    """Strict; `mailbox.beside` is a permissive one."""
    inbox: Inbox
    model: StandInModel
    hubspot: HubSpot
    zendesk: Zendesk
    page: Page

    def reach(self, public_url: str) -> None:
        """Send what Slack and QuickBooks have to say to the product at this address."""
        self.slack.reach(public_url)
        self.quickbooks.webhooks.url = f"{public_url.rstrip('/')}/quickbooks/webhook"

    def settings(self, *, sources: bool = True) -> dict[str, str]:
        """The product's settings that point at these stand-ins."""
        found = self._slack() | self._quickbooks() | self._mail() | self._model()
        return found | (self._sources() if sources else {})

    def _slack(self) -> dict[str, str]:
        return {
            "SLACK_BOT_TOKEN": self.slack.keys.bot_token,
            **self._way_in(),
            "SLACK_CHANNEL": CHANNEL,
            "SLACK_API_URL": f"{self.url}/slack/api",
        }

    def _way_in(self) -> dict[str, str]:
        """How clicks reach the product: as signed requests, or over its socket."""
        keys = self.slack.keys
        if self.slack.sockets.enabled:
            return {"SLACK_APP_TOKEN": keys.app_token}
        return {"SLACK_SIGNING_SECRET": keys.signing_secret}

    def _quickbooks(self) -> dict[str, str]:
        oauth, base = self.quickbooks.oauth, f"{self.url}/quickbooks"
        return {
            "QBO_CLIENT_ID": oauth.client_id,
            "QBO_CLIENT_SECRET": oauth.client_secret,
            "QBO_WEBHOOK_TOKENS": self.quickbooks.webhooks.verifier_token,
            "QBO_API_URL": base,
            "QBO_OAUTH_URL": f"{base}/oauth2/v1/tokens/bearer",
            "QBO_AUTHORIZE_URL": f"{base}/connect/oauth2",
            "QBO_REVOKE_URL": f"{base}/v2/oauth2/tokens/revoke",
            "QBO_APP_URL": base,
        }

    def _mail(self) -> dict[str, str]:
        return {
            "MAIL_FROM": f"Brass Fern Supply <{ADDRESS}>",
            "SMTP_URL": self.mailbox.url,
        }

    def _model(self) -> dict[str, str]:
        return {"OPENAI_API_KEY": self.model.key, "OPENAI_BASE_URL": f"{self.url}/model/v1"}

    def _sources(self) -> dict[str, str]:
        id, secret = self.zendesk.client
        return {
            "IMAP_URL": self.inbox.url,
            "HUBSPOT_TOKEN": self.hubspot.token,
            "HUBSPOT_API_URL": f"{self.url}/hubspot",
            "ZENDESK_CLIENT_ID": id,
            "ZENDESK_CLIENT_SECRET": secret,
            "ZENDESK_API_URL": f"{self.url}/zendesk",
        }


def manifest() -> dict[str, Any]:
    """manifest.yml: what the app is allowed in Slack, and no more."""
    return dict(yaml.safe_load(MANIFEST.read_text(encoding="utf-8")))


def scopes() -> tuple[str, ...]:
    """The scopes it asks for."""
    return tuple(manifest()["oauth_config"]["scopes"]["bot"])


def home_tab() -> bool:
    """Whether it has a Home tab and hears when somebody opens it."""
    events = manifest()["settings"].get("event_subscriptions", {}).get("bot_events", ())
    tab = manifest()["features"].get("app_home", {}).get("home_tab_enabled", False)
    return bool(tab) and "app_home_opened" in events


@contextlib.contextmanager
def stand_ins(company_file: Path | None = company.LIFELIKE, port: int = 0) -> Iterator[StandIns]:
    """Serve a world with one company in it, or with none, on loopback.

    Raises OSError where the port is taken, ValueError for a file that is not a company.
    """
    world = World()
    slack, quickbooks = Slack(world, scopes=scopes(), home_tab=home_tab()), QuickBooks(world)
    model, hubspot, page = StandInModel(), HubSpot(world), Page(world)
    zendesk, inbox = Zendesk(world), Inbox(world)
    slack.add_channel(CHANNEL, "finance")
    if company_file is not None:
        quickbooks.add_file(company_file)
        books = company.load(company_file)
        hubspot.load(books)
        zendesk.load(books)
        inbox.load(books)
    sink = Mailbox(world, permissive=True)
    with (
        running(sink),
        running(Mailbox(world, beside=sink)) as mailbox,
        running_inbox(inbox),
        contextlib.closing(quickbooks),
    ):
        for stand_in in (slack, quickbooks, mailbox, sink, inbox, model, hubspot, zendesk):
            world.add(stand_in)
        world.add(page, at="/")
        inbox.make("Sent")
        with serve(world.app(), port) as url:
            yield StandIns(
                world, url, slack, quickbooks, mailbox, inbox, model, hubspot, zendesk, page
            )
