"""Webhooks: signed deliveries, one after the other, tried again until they are acknowledged."""

import base64
import hashlib
import hmac
import json
import queue
import threading
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import httpx

from tests.sandbox.quickbooks.books import Change

ACKNOWLEDGED_WITHIN = 3.0
# The real waits are 10 s, 20 s, 30 s, 5 min, …; a sandbox has less time.
RETRIES = (0.2, 0.5, 1.0, 2.0, 5.0)
LEGACY_VERBS = {
    "created": "Create",
    "updated": "Update",
    "deleted": "Delete",
    "void": "Void",
    "merged": "Merge",
}


@dataclass
class Delivery:
    """One body sent to one address, and what each attempt met: a status, or 0 for no answer."""

    url: str
    body: bytes
    statuses: list[int] = field(default_factory=list)
    finished: threading.Event = field(default_factory=threading.Event, repr=False)


def signature(body: bytes, verifier_token: str) -> str:
    """The `intuit-signature` of a body."""
    digest = hmac.new(verifier_token.encode(), body, hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def cloud_events(realm: str, changes: Sequence[Change], now: datetime) -> list[dict[str, Any]]:
    """The present format: a JSON array."""
    return [
        {
            "specversion": "1.0",
            "id": str(uuid.uuid4()),
            "source": "intuit.c2FuZGJveC1pcy1hLXN0YW5kLWlu",
            "type": f"qbo.{change.kind.lower()}.{change.verb}.v1",
            "datacontenttype": "application/json",
            "time": now.strftime("%Y-%m-%dT%H:%M:%S.%f000Z"),
            "intuitentityid": change.ident,
            "intuitaccountid": realm,
            "data": {"deletedid": change.deleted} if change.deleted else {},
        }
        for change in changes
    ]


def legacy_events(realm: str, changes: Sequence[Change], now: datetime) -> dict[str, Any]:
    """The old format: an object with `eventNotifications`."""
    entities = [
        {
            "name": change.kind,
            "id": change.ident,
            "operation": LEGACY_VERBS.get(change.verb, change.verb.title()),
            "lastUpdated": now.strftime("%Y-%m-%dT%H:%M:%S-0000"),
        }
        | ({"deletedId": change.deleted} if change.deleted else {})
        for change in changes
    ]
    return {"eventNotifications": [{"realmId": realm, "dataChangeEvent": {"entities": entities}}]}


class Webhooks:
    """Sends what changed to `url`, signed with `verifier_token`; None sends nothing.

    A later delivery waits until the first was acknowledged or given up. `legacy` chooses the
    old format.
    """

    def __init__(self, clock: Callable[[], datetime], verifier_token: str) -> None:
        self.clock, self.verifier_token = clock, verifier_token
        self.url: str | None = None
        self.legacy = False
        self.retries: Sequence[float] = RETRIES
        self.deliveries: list[Delivery] = []
        self._waiting: queue.Queue[Delivery | None] = queue.Queue()
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def announce(self, realm: str, changes: Sequence[Change]) -> Delivery | None:
        """Put one delivery in the queue; None where no address is set."""
        if self.url is None:
            return None
        shape = legacy_events if self.legacy else cloud_events
        body = json.dumps(shape(realm, changes, self.clock()), separators=(",", ":")).encode()
        return self.send(body)

    def send(self, body: bytes) -> Delivery:
        """Deliver exactly these bytes with a right signature."""
        delivery = Delivery(self.url or "", body)
        self.deliveries.append(delivery)
        self._start()
        self._waiting.put(delivery)
        return delivery

    def close(self) -> None:
        """Give up what is waiting and end the thread."""
        self._stopped.set()
        self._waiting.put(None)
        if self._thread is not None:
            self._thread.join(ACKNOWLEDGED_WITHIN + 2)

    def _start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="webhooks", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        with httpx.Client(timeout=ACKNOWLEDGED_WITHIN, trust_env=False) as client:
            while (delivery := self._waiting.get()) is not None:
                self._deliver(client, delivery)
                delivery.finished.set()

    def _deliver(self, client: httpx.Client, delivery: Delivery) -> None:
        for pause in (0.0, *self.retries):
            if self._stopped.wait(pause):
                return
            delivery.statuses.append(self._post(client, delivery))
            if delivery.statuses[-1] == 200:
                return

    def _post(self, client: httpx.Client, delivery: Delivery) -> int:
        headers = {
            "content-type": "application/cloudevents-batch+json",
            "intuit-signature": signature(delivery.body, self.verifier_token),
            "intuit-created-time": self.clock().isoformat(),
            "intuit-t-id": str(uuid.uuid4()),
            "intuit-notification-schema-version": "1.0",
            "user-agent": "intuit_notification_server/0.1",
        }
        if self.legacy:
            headers["content-type"] = "application/json"
        try:
            return client.post(delivery.url, content=delivery.body, headers=headers).status_code
        except httpx.HTTPError:
            return 0
