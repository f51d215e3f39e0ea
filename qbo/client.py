"""A ledger in QuickBooks Online: what may be read of it, and the one note that may be written."""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any, TypeVar

from qbo import answers
from qbo.answers import KINDS, Broken, OnBroken, leave_out, raise_broken
from qbo.changes import Changes, everything
from qbo.errors import (
    Gone,
    PoisonedPage,
    QuickBooksError,
    Unreachable,
)
from qbo.models import (
    CompanyInfo,
    CreditMemo,
    Customer,
    CustomerType,
    Entity,
    Invoice,
    Payment,
    Preferences,
    Record,
    Term,
)
from qbo.query import ACTIVE_OR_NOT, PAGE, Select, among, chunks, pages, where
from qbo.transport import PAUSE, Transport, an_id, parsed

BATCH = 30  # queries in one batch (documented)
BATCH_ROWS = 1000  # objects in the answer to one batch (documented)
NOTE_LENGTH = 2000  # characters (documented)
REQUESTID_LENGTH = 50  # characters (documented)
PDF = "application/pdf"

E = TypeVar("E", bound=Entity)
R = TypeVar("R", bound=Record)


class QuickBooks(Transport):
    """One company's ledger. Thread-safe; close it, or use it as a context manager.

    Every method raises QuickBooksError. Lists are complete: they are paged to the end, and a
    record that cannot be read is passed to `on_broken`, or raises PoisonedPage if there is none.
    """

    _types: dict[str, str] | None = None
    _terms: dict[str, int] | None = None

    # The company

    def company_info(self) -> CompanyInfo:
        """Name, country, zone and subscription."""
        return self._one(CompanyInfo, "companyinfo/{id}", self.realm)

    def preferences(self) -> Preferences:
        """Home currency, closing date, and whether online payment is on."""
        return self._one(Preferences, "preferences")

    # Lists

    def open_invoices(self, on_broken: OnBroken | None = None) -> Iterator[list[Invoice]]:
        """All invoices with an open balance, page by page.

        Rows move up while others leave the list. So a missing invoice is no evidence of payment,
        an invoice may come twice, and a sweep has to read `changes` since its start.
        """
        return self._pages(Invoice, (where("Balance", ">", "0"),), on_broken)

    def invoices_by_id(
        self, ids: Sequence[str], on_broken: OnBroken | None = None
    ) -> list[Invoice]:
        """The invoices with these ids; deleted or unknown ones are simply left out."""
        return self._among(Invoice, "Id", ids, (), on_broken)

    def open_invoices_of(self, customer_ids: Sequence[str]) -> list[Invoice]:
        """These customers' invoices with an open balance."""
        still_open = where("Balance", ">", "0")
        return self._among(Invoice, "CustomerRef", customer_ids, (still_open,))

    def paid_invoices_of(
        self, customer_ids: Sequence[str], since: date, on_broken: OnBroken | None = None
    ) -> list[Invoice]:
        """These customers' invoices without an open balance, dated `since` or later."""
        conditions = (where("TxnDate", ">=", since), where("Balance", "=", "0"))
        return self._among(Invoice, "CustomerRef", customer_ids, conditions, on_broken)

    def paid_invoices(
        self, since: date, on_broken: OnBroken | None = None
    ) -> Iterator[list[Invoice]]:
        """All invoices without an open balance, dated `since` or later, page by page."""
        conditions = (where("TxnDate", ">=", since), where("Balance", "=", "0"))
        return self._pages(Invoice, conditions, on_broken)

    def customers(self, ids: Sequence[str], on_broken: OnBroken | None = None) -> list[Customer]:
        """The customers with these ids, inactive ones included, with the names of their types."""
        return self._among(Customer, "Id", ids, (ACTIVE_OR_NOT,), on_broken)

    def customers_in_credit(self, on_broken: OnBroken | None = None) -> Iterator[list[Customer]]:
        """Customers whose own balance is negative, page by page, inactive ones included."""
        return self._pages(Customer, (where("Balance", "<", "0"), ACTIVE_OR_NOT), on_broken)

    def customer_types(self, on_broken: OnBroken = leave_out) -> dict[str, str]:
        """Id → name of every customer type; read once per client."""
        if self._types is None:
            found = self._all(CustomerType, (ACTIVE_OR_NOT,), on_broken)
            self._types = {kind.id: kind.name for kind in found}
        return self._types

    def terms(self, on_broken: OnBroken = leave_out) -> dict[str, int]:
        """Id → days of every term that counts days; read once per client."""
        if self._terms is None:
            found = self._all(Term, (ACTIVE_OR_NOT,), on_broken)
            self._terms = {term.id: term.days for term in found if term.days is not None}
        return self._terms

    def payments(
        self, customer_ids: Sequence[str], on_broken: OnBroken | None = None
    ) -> list[Payment]:
        """All of these customers' payments: QuickBooks cannot query for unapplied ones only."""
        return self._among(Payment, "CustomerRef", customer_ids, (), on_broken)

    def payments_since(
        self, since: date, on_broken: OnBroken | None = None
    ) -> Iterator[list[Payment]]:
        """All payments dated `since` or later, page by page."""
        return self._pages(Payment, (where("TxnDate", ">=", since),), on_broken)

    def credit_memos(
        self, customer_ids: Sequence[str], on_broken: OnBroken | None = None
    ) -> list[CreditMemo]:
        """All of these customers' credit memos: QuickBooks cannot query for remaining credit."""
        return self._among(CreditMemo, "CustomerRef", customer_ids, (), on_broken)

    def changed_since(
        self, kind: type[E], since: datetime, on_broken: OnBroken | None = None
    ) -> Iterator[list[E]]:
        """Objects of one kind changed at `since` or later, ordered by id.

        Deletions are not included. It is not ordered by time, because a row that changes meanwhile
        would move, and the rows behind it would be missed by the next page.
        """
        changed = where("MetaData.LastUpdatedTime", ">=", since)
        conditions = (changed, ACTIVE_OR_NOT) if issubclass(kind, Customer) else (changed,)
        return self._pages(kind, conditions, on_broken)

    # Single objects

    def invoice(self, id: str, with_link: bool = False) -> Invoice:
        """One invoice as it is now; raises Gone. `with_link` asks for its pay link."""
        params = {"include": "invoiceLink"} if with_link else {}
        (invoice,) = self._due([self._one(Invoice, "invoice/{id}", id, params)])
        return invoice if with_link else invoice.model_copy(update={"invoice_link": None})

    def payment(self, id: str) -> Payment:
        """One payment; raises Gone."""
        return self._one(Payment, "payment/{id}", id)

    def credit_memo(self, id: str) -> CreditMemo:
        """One credit memo; raises Gone."""
        return self._one(CreditMemo, "creditmemo/{id}", id)

    def pdf(self, invoice_id: str) -> bytes:
        """The invoice as QuickBooks prints it; raises Unreachable if it is not a PDF."""
        response = self._call("GET", "invoice/{id}/pdf", wanted=invoice_id, accept=PDF)
        kind = response.headers.get("Content-Type", "")
        if kind.startswith(PDF) and response.content.startswith(b"%PDF"):
            return response.content
        raise Unreachable("QuickBooks did not send the PDF")

    # Many queries, one request

    def changes(
        self, kinds: Sequence[type[Entity]], since: datetime, on_broken: OnBroken | None = None
    ) -> Changes:
        """Objects of these kinds changed or deleted since `since`, at most 30 days ago.

        One metered read, or several if one answer is not enough; `Changes` says what has to be
        read in another way.
        """
        found = everything(self._changes, kinds, since, on_broken or raise_broken)
        due = self._due(found.invoices, on_broken or leave_out)
        return replace(found, invoices=tuple(due))

    def _changes(self, kinds: Sequence[type[Entity]], since: datetime) -> answers.Raw:
        names = ",".join(kind.ENTITY for kind in kinds)
        params = {"entities": names, "changedSince": since.isoformat(timespec="seconds")}
        return parsed(self._call("GET", "cdc", params=params))

    def batch(
        self, selects: Sequence[Select], on_broken: Mapping[Select, OnBroken] | None = None
    ) -> list[list[Entity] | QuickBooksError]:
        """The rows of each statement, or its error, in the order given; 30 per request.

        If an answer may have been cut off at 1000 objects, or was too much at once, its statement
        is read page by page. Records that cannot be read are passed to the statement's
        `on_broken`; without one the whole statement is a PoisonedPage.
        """
        results: list[list[Entity] | QuickBooksError] = []
        for start in range(0, len(selects), BATCH):
            results += self._batch(selects[start : start + BATCH], on_broken or {})
        return results

    # The note

    def attach_note(self, text: str, invoice_ids: Sequence[str], requestid: str) -> str:
        """Put an internal note on these invoices; returns the id of the Attachable.

        Customers never see it. After Unreachable, repeat the call with the same `requestid`:
        QuickBooks then returns the first result. Raises ValueError for a text of more than 2000
        characters, a requestid of more than 50, or no invoice.
        """
        if not invoice_ids or len(text) > NOTE_LENGTH or not 0 < len(requestid) <= REQUESTID_LENGTH:
            raise ValueError("a note needs an invoice, at most 2000 characters, and a requestid")
        note = {
            "Note": text,
            "AttachableRef": [_reference(invoice_id) for invoice_id in invoice_ids],
        }
        answer = parsed(
            self._call("POST", "attachable", params={"requestid": requestid}, body=note)
        )
        attachable_id = answers.row_id(answers.part(answer, "Attachable"))
        if not attachable_id:
            raise Unreachable("QuickBooks did not say which note it wrote")
        return attachable_id

    def find_note(self, text: str, invoice_id: str) -> str:
        """The id of the Attachable on this invoice that says exactly this; empty if there is none.

        Of an invoice with more than 1000 Attachables only the first thousand are read.
        """
        on_invoice = where("AttachableRef.EntityRef.Type", "=", "Invoice")
        which = where("AttachableRef.EntityRef.value", "=", an_id(invoice_id))
        query = {"query": Select("Attachable", (on_invoice, which)).page()}
        rows = answers.rows(parsed(self._call("GET", "query", params=query)), "Attachable")
        same = (row for row in rows if str(row.get("Note", "")).strip() == text.strip())
        return next(map(answers.row_id, same), "")

    def delete_note(self, attachable_id: str) -> None:
        """Delete our note; one that is already gone counts as deleted."""
        body = {"Id": an_id(attachable_id)}
        try:
            parsed(self._call("POST", "attachable?operation=delete", body=body))
        except Gone:
            return

    # How it is done

    def _pages(
        self, kind: type[E], conditions: tuple[str, ...], on_broken: OnBroken | None
    ) -> Iterator[list[E]]:
        select = Select(kind.ENTITY, conditions)
        report = on_broken or raise_broken
        lately = deque[frozenset[str]](maxlen=2)  # a list is as long as a ledger: not all of it
        found = pages(
            lambda start, size: self._rows(kind, select, start, size),
            answers.row_id,
            lambda position, _: report(Broken(kind.ENTITY, position)),
        )
        for start, rows in found:
            read = answers.read(kind, _unseen(rows, lately, start), report)
            yield self._completed(read, on_broken or leave_out)

    def _completed(self, found: Sequence[E], on_broken: OnBroken = leave_out) -> list[E]:
        """The same records, completed from other lists: due dates from terms, customer types.

        If an entry there cannot be read, the date or name stays unknown, but no record is lost.
        """
        return self._typed(self._due(found, on_broken), on_broken)

    def _typed(self, found: list[E], on_broken: OnBroken) -> list[E]:
        typed = [c for c in found if isinstance(c, Customer) and c.customer_type_id]
        names = self.customer_types(on_broken) if typed else {}
        named = {c.id: names.get(c.customer_type_id or "", "") for c in typed}
        if not named:
            return found
        return [c.model_copy(update={"customer_type": named.get(c.id, "")}) for c in found]

    def _due(self, found: Sequence[E], on_broken: OnBroken = leave_out) -> list[E]:
        silent = [i for i in found if isinstance(i, Invoice) and not i.due_date and i.term_id]
        days = self.terms(on_broken) if silent else {}
        due = {i.id: _later(i.txn_date, days[i.term_id]) for i in silent if i.term_id in days}
        if not due:
            return list(found)
        return [i.model_copy(update={"due_date": due[i.id]}) if i.id in due else i for i in found]

    def _all(
        self, kind: type[E], conditions: tuple[str, ...], on_broken: OnBroken | None
    ) -> list[E]:
        """Each record once."""
        found: dict[str, E] = {}
        for page in self._pages(kind, conditions, on_broken):
            for each in page:
                found.setdefault(each.id, each)
        return list(found.values())

    def _among(
        self,
        kind: type[E],
        field: str,
        ids: Sequence[str],
        conditions: tuple[str, ...] = (),
        on_broken: OnBroken | None = None,
    ) -> list[E]:
        found: list[E] = []
        for some in chunks(ids):
            found += self._all(kind, (among(field, some), *conditions), on_broken)
        return found

    def _rows(
        self, kind: type[E], select: Select, start: int, size: int
    ) -> Sequence[E | answers.Raw]:
        """The rows of one page: objects if all can be read at once, otherwise raw.

        A failure of the whole system looks like that of a single record and may pass, so a page of
        one row is requested twice.
        """
        query = {"query": select.page(start, size)}
        try:
            response = self._call("GET", "query", params=query)
        except PoisonedPage as error:
            if size > 1 or error.status < 500:
                raise
            self._wait_out(error, PAUSE)
            response = self._call("GET", "query", params=query)
        found = answers.at_once(kind, response.content)
        return found or answers.rows(parsed(response), select.entity)

    def _one(
        self, kind: type[R], path: str, wanted: str = "", params: Mapping[str, str] | None = None
    ) -> R:
        return answers.record(kind, parsed(self._call("GET", path, wanted=wanted, params=params)))

    def _batch(
        self, selects: Sequence[Select], on_broken: Mapping[Select, OnBroken]
    ) -> list[list[Entity] | QuickBooksError]:
        items = [{"bId": f"q{n}", "Query": select.page()} for n, select in enumerate(selects)]
        answer = parsed(
            self._call("POST", "batch", body={"BatchItemRequest": items}, times=len(items))
        )
        replies = {item.get("bId"): item for item in answer.get("BatchItemResponse") or ()}
        found = [answers.reply(replies.get(f"q{n}"), asked) for n, asked in enumerate(selects)]
        full = sum(len(rows) for rows in found if isinstance(rows, list)) >= BATCH_ROWS
        return [
            self._alone(asked, on_broken.get(asked))
            if full or isinstance(rows, PoisonedPage)
            else self._whole(rows)
            for asked, rows in zip(selects, found, strict=True)
        ]

    def _whole(self, found: list[Entity] | QuickBooksError) -> list[Entity] | QuickBooksError:
        return found if isinstance(found, QuickBooksError) else self._completed(found)

    def _alone(self, select: Select, on_broken: OnBroken | None) -> list[Entity] | QuickBooksError:
        try:
            return self._all(KINDS[select.entity], select.conditions, on_broken)
        except QuickBooksError as error:
            return error


def _later(day: date, days: int) -> date:
    """`days` after `day`, but at most `date.max`."""
    return date.fromordinal(min(day.toordinal() + days, date.max.toordinal()))


def _unseen(
    rows: Sequence[answers.Raw | E], lately: deque[frozenset[str]], start: int
) -> list[tuple[int, answers.Raw | E]]:
    """The rows whose ids are not in `lately`, numbered from `start`; adds their ids to it."""
    ids = [answers.row_id(row) for row in rows]
    seen = frozenset[str]().union(*lately)
    first = {id: n for n, id in reversed(list(enumerate(ids))) if id not in seen}
    new = [(start + n, rows[n]) for n in sorted(first.values())]
    if len(rows) >= PAGE and not new:
        raise Unreachable("QuickBooks keeps sending the same page")
    lately.append(frozenset(ids))
    return new


def _reference(invoice_id: str) -> dict[str, Any]:
    entity = {"type": "Invoice", "value": an_id(invoice_id)}
    return {"EntityRef": entity, "IncludeOnSend": False}
