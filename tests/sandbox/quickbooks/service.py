"""QuickBooks Online as one stand-in: OAuth, the API of many companies, webhooks, control calls."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from tests.sandbox import company
from tests.sandbox.company import Company
from tests.sandbox.control import NotPossibleError, body_of, wanted
from tests.sandbox.quickbooks import errors
from tests.sandbox.quickbooks.api import Api, Realm
from tests.sandbox.quickbooks.books import Books, Change
from tests.sandbox.quickbooks.limits import Limits
from tests.sandbox.quickbooks.oauth import OAuth
from tests.sandbox.quickbooks.pdf import invoice_pdf
from tests.sandbox.quickbooks.webhooks import Webhooks
from tests.sandbox.quickbooks.wire import json_text
from tests.sandbox.world import World

FIRST_REALM = 4620816365000000001
KINDS = {
    kind.lower(): kind
    for kind in ("Invoice", "Customer", "Payment", "CreditMemo", "CompanyInfo", "Preferences")
}

Body = dict[str, Any]


MOST_LISTED = 200
"""Open invoices of one company that the page shows."""


class QuickBooks:
    """Intuit, with one app registered and as many companies as are added."""

    name = "quickbooks"

    def __init__(
        self,
        world: World,
        client_id: str = "sandbox-client-id",
        client_secret: str = "sandbox-client-secret",
        verifier_token: str = "sandbox-verifier-token",
    ) -> None:
        self.world = world
        self.oauth = OAuth(self._now, client_id, client_secret)
        self.webhooks = Webhooks(self._now, verifier_token)
        self.realms: dict[str, Realm] = {}
        self._file: Path | None = None
        self.api = Api(world, self.oauth, self.realms)

    def add_file(self, path: Path) -> str:
        """Let the company of a file live here, whose books of another day can be had (`turn`)."""
        self._file = path
        return self.add_company(company.load(path))

    def add_company(
        self, company: Company, realm: str | None = None, limits: Limits | None = None
    ) -> str:
        """Let a company live here; gives its realm id. Raises ValueError if that is taken."""
        realm = realm or str(FIRST_REALM + len(self.realms))
        if realm in self.realms:
            raise ValueError(f"the realm {realm} is taken")
        with self.world.lock:
            self.realms[realm] = Realm(realm, Books(company, self._now), limits or Limits())
            self.oauth.realms.append(realm)
        return realm

    def app(self) -> Starlette:
        """The app to mount at `/quickbooks`."""
        page = Route("/app/login", self._page)
        return Starlette(routes=[*self.oauth.routes(), *self.api.routes(), page])

    def _page(self, request: Request) -> Response:
        """Where a deep link leads: an invoice as its PDF, or what a customer owes.

        Ids are those of the one company that the link names.
        """
        page, _, id = request.query_params.get("pagereq", "").partition("=")
        with self.world.lock:
            realm = self.realms.get(request.query_params.get("deeplinkcompanyid", ""))
            if realm is None:
                return PlainTextResponse("You have no access to this company.", 404)
            tables = realm.books.tables
            if page == "invoice?txnId" and (found := tables["Invoice"].get(id)):
                pdf = invoice_pdf(found, realm.books.company.info["CompanyName"])
                return Response(pdf, media_type="application/pdf")
            if page == "customerdetail?nameId" and (found := tables["Customer"].get(id)):
                lines = [found["DisplayName"], *map(str, _open(realm, found["Id"]))]
                return PlainTextResponse("\n".join(lines))
        return PlainTextResponse("There is no such page.", 404)

    def snapshot(self) -> Body:
        """The notes and open invoices of all companies, and the writes that were refused."""
        with self.world.lock:
            return {
                "notes": [note for realm in self.realms.values() for note in _notes(realm)],
                "invoices": [one for realm in self.realms.values() for one in _open(realm)],
                "refused_writes": [w for r in self.realms.values() for w in r.refused_writes],
            }

    def control(self) -> list[Route]:
        """What the people and the bad luck of these companies can do."""
        calls: dict[str, Callable[[Body], Body]] = {
            "pay": self.pay,
            "credit": self.credit,
            "void": self.void,
            "edit": self.edit,
            "delete": self.delete,
            "merge": self.merge,
            "choose": self.choose,
            "expire": self.expire,
            "disconnect": self.disconnect,
            "lapse": self.lapse,
            "poison": self.poison,
            "limits": self.set_limits,
            "turn": self.turn,
        }
        return [
            Route(f"/quickbooks/{name}", _posted(call), methods=["POST"])
            for name, call in calls.items()
        ]

    def refusal(self, status: int, code: str = "") -> Response:
        """An ordered status, and code, in QuickBooks' own shape; a 200 carries a fault, too."""
        now = self._now()
        refusal = errors.coded(status, code, now) if code else errors.ordered(status, now)
        return errors.traced(refusal)

    def close(self) -> None:
        """Stop delivering webhooks."""
        self.webhooks.close()

    def pay(self, body: Body) -> Body:
        """`{"invoice","amount"}`, or `{"customer","amount"}` for money on account."""
        amount = _amount(body)
        if "invoice" not in body:
            customer = wanted(body, "customer")
            return self._changed(body, "Customer", customer, lambda b: b.receive(customer, amount))
        invoice = wanted(body, "invoice")
        return self._changed(body, "Invoice", invoice, lambda b: b.pay(invoice, amount))

    def credit(self, body: Body) -> Body:
        """`{"customer","amount"}`: an open credit memo."""
        customer, amount = wanted(body, "customer"), _amount(body)
        return self._changed(body, "Customer", customer, lambda b: b.credit(customer, amount))

    def void(self, body: Body) -> Body:
        """`{"invoice"}`."""
        invoice = wanted(body, "invoice")
        return self._changed(body, "Invoice", invoice, lambda b: b.void(invoice))

    def edit(self, body: Body) -> Body:
        """`{"entity","id","fields"}`; a field that is null is taken away."""
        kind, ident, fields = _kind(body), wanted(body, "id"), body.get("fields")
        if not isinstance(fields, dict) or not fields:
            raise NotPossibleError("fields must be an object with the new values")
        return self._changed(body, kind, ident, lambda b: b.edit(kind, ident, fields))

    def delete(self, body: Body) -> Body:
        """`{"entity","id"}`: a transaction is deleted; a payment gives back what it paid."""
        kind, ident = _kind(body), wanted(body, "id")
        return self._changed(body, kind, ident, lambda b: b.delete(kind, ident))

    def merge(self, body: Body) -> Body:
        """`{"customer","into"}`: the first customer becomes part of the second."""
        customer, into = wanted(body, "customer"), wanted(body, "into")
        return self._changed(body, "Customer", customer, lambda b: b.merge(customer, into))

    def turn(self, body: Body) -> Body:
        """`{"ago"}`: the books of the file as they were so many days ago; 0 is today."""
        ago = wanted(body, "ago")
        if self._file is None or not ago.isdigit():
            raise NotPossibleError("only the books of a file, so many days ago")
        then = company.as_of(self._file, int(ago), datetime.now(UTC))
        realm = next(iter(self.realms.values()))
        with self.world.lock:
            realm.books.turn(then)
        return {"realm": realm.ident, "zone": then.info["DefaultTimeZone"]}

    def choose(self, body: Body) -> Body:
        """`{"realm"}` and/or `{"consents"}`: what the person on the authorize page does."""
        if "realm" in body:
            self.oauth.chosen = self._realm(body).ident
        self.oauth.consents = bool(body.get("consents", True))
        return {"realm": self.oauth.chosen, "consents": self.oauth.consents}

    def expire(self, body: Body) -> Body:
        """`{"realm"}`: its access tokens end now."""
        self.oauth.expire(self._realm(body).ident)
        return {}

    def disconnect(self, body: Body) -> Body:
        """`{"realm"}`: its administrator disconnects the app; all tokens die."""
        self.oauth.disconnect(self._realm(body).ident)
        return {}

    def lapse(self, body: Body) -> Body:
        """`{"realm","lapsed"}`: its subscription is over, or paid again."""
        self._realm(body).lapsed = bool(body.get("lapsed", True))
        return {}

    def poison(self, body: Body) -> Body:
        """`{"entity","id"}`: this record breaks every page it stands on; `"heal": true` mends."""
        kind, ident = _kind(body), wanted(body, "id")
        realm = self._realm(body, kind, ident)
        (realm.poisoned.discard if body.get("heal") else realm.poisoned.add)((kind, ident))
        return {}

    def set_limits(self, body: Body) -> Body:
        """`{"realm","per_second","per_minute","batches_per_minute","reads_per_month"}`."""
        limits = self._realm(body).limits
        for name in ("per_second", "per_minute", "batches_per_minute", "reads_per_month"):
            if name in body:
                setattr(limits, name, body[name])
        return {"reads": limits.reads}

    def _now(self) -> datetime:
        return self.world.clock()

    def _changed(
        self, body: Body, kind: str, ident: str, change: Callable[[Books], list[Change]]
    ) -> Body:
        with self.world.lock:
            realm = self._realm(body, kind, ident)
            changes = change(realm.books)
            self.world.changed.bump()
        if body.get("notify", True):
            self.webhooks.announce(realm.ident, changes)
        return {
            "realm": realm.ident,
            "changes": [{"entity": c.kind, "id": c.ident, "verb": c.verb} for c in changes],
            "entity": realm.books.tables[kind].get(ident),
        }

    def _realm(self, body: Body, kind: str = "", ident: str = "") -> Realm:
        """The company that is meant: the one named, or the only one that has the entity."""
        if "realm" in body:
            realm = self.realms.get(str(body["realm"]))
            if realm is None:
                raise NotPossibleError(f"there is no company {body['realm']}")
            return realm
        having = [
            realm for realm in self.realms.values() if not kind or ident in realm.books.tables[kind]
        ]
        if not having:
            raise NotPossibleError(f"there is no {kind} {ident}".strip())
        if len(having) > 1:
            raise NotPossibleError("several companies are here: say which by realm")
        return having[0]


def _posted(call: Callable[[Body], Body]) -> Callable[[Request], Any]:
    async def endpoint(request: Request) -> Response:
        answer = await run_in_threadpool(call, await body_of(request))
        return Response(json_text({"ok": True} | answer), media_type="application/json")

    return endpoint


def _kind(body: Body) -> str:
    name = wanted(body, "entity").lower()
    if name not in KINDS:
        raise NotPossibleError(f"entity must be one of {', '.join(KINDS.values())}")
    return KINDS[name]


def _amount(body: Body) -> Decimal:
    try:
        amount = Decimal(wanted(body, "amount"))
    except InvalidOperation as error:
        raise NotPossibleError("amount must be a number in a text, as 12.50") from error
    if not amount.is_finite() or amount <= 0:
        raise NotPossibleError("amount must be above 0")
    return amount


def _notes(realm: Realm) -> list[Body]:
    alive = realm.books.tables["Attachable"]
    return [
        {
            "id": note["Id"],
            "realm": realm.ident,
            "invoices": [
                ref["EntityRef"]["value"]
                for ref in note.get("AttachableRef", [])
                if ref["EntityRef"]["type"] == "Invoice"
            ],
            "text": note["Note"],
            "deleted": note["Id"] not in alive,
        }
        for note in realm.notes
    ]


def _open(realm: Realm, customer: str = "") -> list[Body]:
    """What the page lists to be paid or voided, the oldest due date first."""
    invoices = realm.books.tables["Invoice"].values()
    found = [i for i in invoices if i["Balance"] > 0]
    found = [i for i in found if customer in ("", i["CustomerRef"]["value"])]
    return [
        {
            "id": one["Id"],
            "realm": realm.ident,
            "number": one.get("DocNumber", ""),
            "customer": one["CustomerRef"].get("name", ""),
            "currency": one.get("CurrencyRef", {}).get("value", ""),
            "balance": f"{one['Balance']:.2f}",
            "due_date": one.get("DueDate", "–"),
        }
        for one in sorted(found, key=lambda i: (i.get("DueDate", "9999"), i["Id"]))[:MOST_LISTED]
    ]
