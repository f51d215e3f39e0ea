"""The Accounting API below `/v3/company/{realm}`: who may call it, and what each call answers.

It reads everything and writes one kind of thing, attachable notes. Every other write is refused
and remembered in `refused_writes`, because the product has no business making it.
"""

import hashlib
import re
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import unquote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.sandbox.company import PACIFIC, Entity
from tests.sandbox.quickbooks import attachables, errors
from tests.sandbox.quickbooks.attachables import invalid_body, object_in
from tests.sandbox.quickbooks.books import Books
from tests.sandbox.quickbooks.errors import RefusalError
from tests.sandbox.quickbooks.limits import Limits
from tests.sandbox.quickbooks.oauth import OAuth
from tests.sandbox.quickbooks.pdf import invoice_pdf
from tests.sandbox.quickbooks.query import MOST_ROWS, Query, parse
from tests.sandbox.quickbooks.schema import CHANGE_TRACKED, READABLE
from tests.sandbox.quickbooks.select import Selection
from tests.sandbox.quickbooks.wire import json_response, xml_response
from tests.sandbox.world import World

PAY_LINK = "https://developer.intuit.com/comingSoonview/scs-v1-"
LOOK_BACK = timedelta(days=30)
MOST_CHANGES = 1000
MOST_BATCH_ITEMS = 30
LONGEST_REQUEST_ID = 50
LONGEST_BATCH_ID = 10
_ADDRESS = re.compile(r"[^@\s,;<>]+@[^@\s,;<>]+\.[^@\s,;<>]+")


@dataclass
class Call:
    """One request, read whole."""

    method: str
    parts: list[str]
    params: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


@dataclass
class Realm:
    """A company that lives here, and how the API treats it."""

    ident: str
    books: Books
    limits: Limits = field(default_factory=Limits)
    lapsed: bool = False  # the subscription is over: read only (6190)
    extra_row: bool = False  # a full page may hold one row too many
    poisoned: set[tuple[str, str]] = field(default_factory=set)  # (entity, Id) that break a page
    replays: dict[str, Any] = field(default_factory=dict)
    refused_writes: list[str] = field(default_factory=list)
    notes: list[Entity] = field(default_factory=list)
    statements: deque[str] = field(default_factory=lambda: deque(maxlen=1000))

    def __post_init__(self) -> None:
        self.selection = Selection(self.books)


class Api:
    """The HTTP API of the companies in `realms`."""

    def __init__(self, world: World, oauth: OAuth, realms: dict[str, Realm]) -> None:
        self.world, self.oauth, self.realms = world, oauth, realms

    def routes(self) -> list[Route]:
        """Below the stand-in's prefix."""
        methods = ["GET", "POST", "PUT", "PATCH", "DELETE"]
        return [Route("/v3/company/{realm}/{path:path}", self._serve, methods=methods)]

    async def _serve(self, request: Request) -> Response:
        parts = [unquote(part) for part in request.path_params["path"].split("/")]
        body = await request.body()
        call = Call(request.method, parts, request.query_params, request.headers, body)
        response = await run_in_threadpool(self._answer, request.path_params["realm"], call)
        response = errors.traced(response)
        if response.status_code == 200:
            response.headers["QBO-Version"] = "1954.210"
        return response

    def _answer(self, realm_id: str, call: Call) -> Response:
        with self.world.lock:
            refused = self._refused(realm_id, call)
            if refused is not None:
                return refused
            realm = self.realms[realm_id]
            try:
                return self._shown(self._dispatch(realm, call), call)
            except RefusalError as refusal:
                return refusal.response(self.world.clock())

    def _refused(self, realm_id: str, call: Call) -> Response | None:
        now = self.world.clock()
        kind, _, token = call.headers.get("authorization", "").partition(" ")
        try:
            allowed = self.oauth.realm_of(token if kind == "Bearer" else "")
        except PermissionError as refusal:
            return errors.unauthenticated(str(refusal), now)
        if allowed != realm_id or realm_id not in self.realms:
            return errors.unauthorized(now)
        if not self.realms[realm_id].limits.take(batch=call.parts == ["batch"]):
            return errors.throttled(now)
        return None

    def _shown(self, content: Entity | Response, call: Call) -> Response:
        if isinstance(content, Response):
            return content
        body = content | {"time": body_time(self.world.clock())}
        accept = call.headers.get("accept", "")
        if "application/json" not in accept:
            return xml_response(body, errors.NAMESPACE)
        return json_response(body)

    def _dispatch(self, realm: Realm, call: Call) -> Entity | Response:
        if call.method == "GET":
            return self._read(realm, call)
        match call.method, call.parts:
            case "POST", ["query"]:
                return self._query_by_post(realm, call)
            case "POST", ["batch"]:
                return self._batch(realm, call)
            case "POST", ["attachable"]:
                return self._attachable(realm, call)
        raise _refused_write(realm, f"{call.method} {'/'.join(call.parts)}")

    def _read(self, realm: Realm, call: Call) -> Entity | Response:
        content = self._found(realm, call)
        realm.limits.reads += 1
        return content

    def _found(self, realm: Realm, call: Call) -> Entity | Response:
        match call.parts:
            case ["query"]:
                return self._queried(realm, call.params.get("query", ""), call.params)
            case ["cdc"]:
                return self._changes(realm, call.params)
            case ["companyinfo", ident]:
                return self._company_info(realm, ident)
            case ["preferences"]:
                return {"Preferences": realm.books.company.preferences}
            case ["invoice", ident, "pdf"]:
                return _pdf(realm.books, ident, call)
            case [name, ident] if name in READABLE:
                return self._single(realm, READABLE[name], ident, call.params)
        raise errors.unsupported("/".join(call.parts))

    def _company_info(self, realm: Realm, ident: str) -> Entity:
        if ident != realm.ident:
            raise errors.not_found()
        return {"CompanyInfo": realm.books.company.info}

    def _single(self, realm: Realm, kind: str, ident: str, params: Mapping[str, str]) -> Entity:
        entity = entity_by_id(realm.books, kind, ident)
        if kind == "Invoice":
            asked = "invoiceLink" in params.get("include", "").split(",")
            entity = entity | _pay_link(realm.ident, entity, asked)
        return {kind: entity}

    def _query_by_post(self, realm: Realm, call: Call) -> Entity:
        kind = call.headers.get("content-type", "").partition(";")[0]
        if kind not in ("application/text", "text/plain"):
            raise errors.unsupported(f"query with content type {kind or 'none'}")
        content = self._queried(realm, call.body.decode("utf-8", "replace"), call.params)
        realm.limits.reads += 1
        return content

    def _queried(self, realm: Realm, statement: str, params: Mapping[str, str]) -> Entity:
        realm.statements.append(statement)
        query = parse(statement)
        rows = realm.selection.rows(query)
        if query.count:
            return {"QueryResponse": {"totalCount": len(rows)}}
        page = _page(realm, query, rows)
        _check_page(realm, query.entity.name, page, params)
        return {"QueryResponse": _envelope(query, page, len(rows))}

    def _changes(self, realm: Realm, params: Mapping[str, str]) -> Entity:
        since = _changed_since(params.get("changedSince", ""), self.world.clock())
        names = [name.strip() for name in params.get("entities", "").split(",")]
        unknown = [name for name in names if name not in CHANGE_TRACKED]
        if unknown:
            raise invalid_body(f"entities: {unknown[0] or 'none'} is not supported by CDC")
        groups = _cut({name: _changed(realm.books, name, since) for name in names})
        return {"CDCResponse": [{"QueryResponse": [_group(*group) for group in groups.items()]}]}

    def _attachable(self, realm: Realm, call: Call) -> Entity:
        _check_json(call)
        operation = call.params.get("operation")
        content = object_in(call.body)
        return self._once(realm, call, lambda: self._write_note(realm, operation, content))

    def _write_note(self, realm: Realm, operation: str | None, content: Entity) -> Entity:
        if realm.lapsed:
            raise RefusalError("6190", "Invalid Company Status", "Subscription period has ended")
        if operation == "delete":
            return {"Attachable": attachables.delete(realm.books, content)}
        if operation not in (None, "create") or "Id" in content:
            raise _refused_write(realm, f"attachable {operation or 'update'}")
        note = attachables.create(realm.books, content)
        realm.notes.append(note)
        return {"Attachable": note}

    def _once(self, realm: Realm, call: Call, write: Callable[[], Entity]) -> Entity:
        """The first answer to a requestid is the answer to all that follow."""
        ident = call.params.get("requestid", "")
        if len(ident) > LONGEST_REQUEST_ID:
            raise RefusalError("2050", "String length is too long", "requestid")
        if ident in realm.replays:
            replay: Entity = realm.replays[ident]
            return replay
        content = write()
        self.world.changed.bump()
        if ident:
            realm.replays[ident] = content
        return content

    def _batch(self, realm: Realm, call: Call) -> Entity:
        _check_json(call)
        items = object_in(call.body).get("BatchItemRequest")
        if not isinstance(items, list) or not items:
            raise invalid_body("Property Name:BatchItemRequest must be a list")
        if len(items) > MOST_BATCH_ITEMS:
            detail = f"Maximum of {MOST_BATCH_ITEMS} batch items are allowed, got {len(items)}"
            raise RefusalError("1040", "Batch limit exceeded", detail)
        _check_batch_ids(items)
        return self._once(realm, call, lambda: self._batch_answer(realm, items))

    def _batch_answer(self, realm: Realm, items: list[Entity]) -> Entity:
        answers, room = [], MOST_ROWS
        for item in items:
            answer = self._batch_item(realm, item, room)
            room -= _rows_in(answer)
            answers.append(answer | {"bId": item["bId"]})
        # Nothing promises an order: a caller who relies on one shall notice.
        return {"BatchItemResponse": answers[::-1]}

    def _batch_item(self, realm: Realm, item: Entity, room: int) -> Entity:
        try:
            answer = self._batch_call(realm, item)
            if _rows_in(answer) > room:
                raise RefusalError("4002", "Error processing query", "batch above 1000 objects")
        except RefusalError as refusal:
            return {"Fault": refusal.fault()}
        return answer

    def _batch_call(self, realm: Realm, item: Entity) -> Entity:
        if isinstance(item.get("Query"), str):
            content = self._queried(realm, item["Query"], {})
            realm.limits.reads += 1
            return content
        if isinstance(item.get("Attachable"), dict):
            return self._write_note(realm, item.get("operation"), item["Attachable"])
        raise _refused_write(realm, f"batch {item.get('operation')} {sorted(item)}")


def body_time(now: datetime) -> str:
    """The `time` of a body: milliseconds, with the Pacific offset."""
    return now.astimezone(PACIFIC).isoformat(timespec="milliseconds")


def entity_by_id(books: Books, kind: str, ident: str) -> Entity:
    """One entity of the books. Raises RefusalError: 2030 for no number, 610 for unknown."""
    if not (ident.isascii() and ident.isdigit()):
        raise errors.bad_id(ident)
    if ident not in books.tables[kind]:
        raise errors.not_found()
    return books.tables[kind][ident]


def _refused_write(realm: Realm, what: str) -> RefusalError:
    realm.refused_writes.append(what)
    return errors.unsupported(what)


def _check_json(call: Call) -> None:
    if call.headers.get("content-type", "").partition(";")[0] != "application/json":
        raise errors.unsupported("write with a content type that is not application/json")


def _check_batch_ids(items: list[Any]) -> None:
    ids = [item.get("bId") if isinstance(item, dict) else None for item in items]
    for ident in ids:
        if not isinstance(ident, str) or not 0 < len(ident) <= LONGEST_BATCH_ID:
            raise invalid_body(f"bId must be a text of 1 to {LONGEST_BATCH_ID} characters")
    if len(set(ids)) < len(ids):
        raise invalid_body("bId must be unique in a batch")


def _rows_in(answer: Entity) -> int:
    listed = (value for value in answer.get("QueryResponse", {}).values())
    return sum(len(value) for value in listed if isinstance(value, list))


def _page(realm: Realm, query: Query, rows: list[Entity]) -> list[Entity]:
    first = query.start - 1
    full = len(rows) > first + query.rows
    return rows[first : first + query.rows + (1 if realm.extra_row and full else 0)]


def _check_page(realm: Realm, kind: str, page: list[Entity], params: Mapping[str, str]) -> None:
    """One bad record breaks the page that it stands on."""
    if any((kind, entity["Id"]) in realm.poisoned for entity in page):
        raise errors.bad_email()
    if "invoiceLink" in params.get("include", "") and kind == "Invoice":
        for invoice in page:
            if _takes_cards(invoice) and not _good_addresses(invoice):
                raise errors.bad_email()


def _envelope(query: Query, page: list[Entity], total: int) -> Entity:
    if not page:
        return {}
    envelope = {query.entity.name: page, "startPosition": query.start, "maxResults": len(page)}
    return envelope | ({"totalCount": total} if query.entity.counts else {})


def _changed_since(text: str, now: datetime) -> datetime:
    try:
        since = datetime.fromisoformat(text)
    except ValueError as error:
        raise invalid_body(f"changedSince: '{text}' is not a time") from error
    if since.tzinfo is None:
        since = since.replace(tzinfo=PACIFIC)
    if since < now - LOOK_BACK:
        raise invalid_body("changedSince: the look-back is limited to 30 days")
    return since


def _changed(books: Books, name: str, since: datetime) -> list[Entity]:
    """Changed entities by time, deleted ones last."""
    stamped = [
        (datetime.fromisoformat(entity["MetaData"]["LastUpdatedTime"]), entity)
        for entity in books.tables[name].values()
    ]
    # Times are kept to the second: the second in which `since` lies counts as changed.
    bound = since.replace(microsecond=0)
    alive = sorted(((at, e) for at, e in stamped if at >= bound), key=lambda pair: pair[0])
    gone = [d.entity() for d in books.deletions if d.kind == name and d.at >= bound]
    return [entity for _, entity in alive] + gone


def _cut(found: dict[str, list[Entity]]) -> dict[str, list[Entity]]:
    """The first thousand of all kinds together, in which what was deleted has the last place.

    Documented are the thousand to an answer and that deletions come last; whether that is said of
    each group or of them all is not, so here a full answer loses the deletions of all first.
    """
    room, kept = MOST_CHANGES, {name: list[Entity]() for name in found}
    for dead in (False, True):
        for name, entities in found.items():
            some = [e for e in entities if (e.get("status") == "Deleted") is dead][:room]
            room -= len(some)
            kept[name] += some
    return kept


def _group(name: str, found: list[Entity]) -> Entity:
    if not found:
        return {}
    group: Entity = {name: found, "startPosition": 1, "maxResults": len(found)}
    return group | ({"totalCount": len(found)} if name == "Invoice" else {})


def _pdf(books: Books, ident: str, call: Call) -> Response:
    invoice = entity_by_id(books, "Invoice", ident)
    accept = call.headers.get("accept", "")
    if "application/pdf" not in accept:
        raise errors.unsupported(f"pdf for a caller who accepts {accept or 'nothing'}")
    content = invoice_pdf(invoice, books.company.info["CompanyName"])
    return Response(content, media_type="application/pdf")


def _takes_cards(invoice: Entity) -> bool:
    return bool(invoice["AllowOnlineCreditCardPayment"] or invoice["AllowOnlineACHPayment"])


def _good_addresses(invoice: Entity) -> bool:
    listed = invoice.get("BillEmail", {}).get("Address", "")
    return all(_ADDRESS.fullmatch(address.strip()) for address in listed.split(","))


def _pay_link(realm_id: str, invoice: Entity, asked: bool) -> Entity:
    """The bearer link to pay an invoice; nothing where it cannot be paid online.

    Seen in the wild: it comes unasked where the invoice can be paid by card.
    """
    if not (asked or invoice["AllowOnlineCreditCardPayment"]):
        return {}
    if not (_takes_cards(invoice) and _good_addresses(invoice)) or invoice["Balance"] <= 0:
        return {}
    secret = hashlib.sha256(f"{realm_id}/{invoice['Id']}".encode()).hexdigest()[:40]
    return {"InvoiceLink": f"{PAY_LINK}{secret}"}
