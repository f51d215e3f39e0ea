"""Every table. The migrations create them; a test makes sure that the two agree."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Date,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    bindparam,
    text,
)

from jobs.rules.states import OPEN
from jobs.store.database.types import Amount, FineAmount, Id, Json, Rank, Rate, Utc

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _id() -> Column[str]:
    return Column("id", Id, primary_key=True, autoincrement=True)


def _work() -> list[Column[Any]]:
    """The columns of a work table: see `jobs.store.work`."""
    return [
        Column("due_at", Utc),
        Column("rank", Rank, nullable=False, server_default="0"),
        Column("token", String(32)),
        Column("attempts", Integer, nullable=False, server_default="0"),
        Column("last_error", Text, nullable=False, server_default=""),
    ]


def _quoted(words: list[str]) -> str:
    return ", ".join(f"'{word}'" for word in sorted(words))


companies = Table(
    "companies",
    metadata,
    Column("realm", String(64), primary_key=True),
    Column("name", Text, nullable=False),
    Column("country", String(8), nullable=False),
    Column("zone", String(64), nullable=False),
    Column("home_currency", String(3), nullable=False),
    Column("book_close", Date),
    Column("read_only", Boolean, nullable=False, server_default=text("false")),
    Column("channel", String(32), nullable=False, unique=True),
    Column("mode", String(8), nullable=False),
    Column("shadow_channel", String(32), nullable=False, server_default=""),
    Column("status", String(16), nullable=False),
    Column("paused_at", Utc),
    Column("paused_by", String(32)),
    Column("connected_at", Utc, nullable=False),
    Column("connected_by", String(32), nullable=False),
    Column("reminders_off_by", String(32)),
    Column("reminders_off_at", Utc),
    Column("model", String(200), nullable=False, server_default=""),  # accepted; empty: none yet
    Column("model_offered", String(200), nullable=False, server_default=""),
    Column("prompts", String(64), nullable=False, server_default=""),
    Column("swept_at", Utc),
    Column("changes_since", Utc),
    Column("sealed_tokens", Text),
    Column("refresh_expires_at", Utc),
    Column("hard_expires_at", Utc),
    Column("lease_token", String(32)),
    Column("lease_until", Utc),
)

budgets = Table(
    "budgets",
    metadata,
    Column("company", String(64), primary_key=True),  # also used before the company is stored
    Column("taken", Json, nullable=False),
    Column("batches", Json, nullable=False),
    Column("held_since", Utc),
    Column("held_until", Utc),
)

usage = Table(
    "usage",
    metadata,
    Column("month", String(7), primary_key=True),
    Column("company", String(64), primary_key=True),
    Column("metered", Integer, nullable=False),
    Column("free", Integer, nullable=False),
)

model_months = Table(
    "model_months",
    metadata,
    Column("month", String(7), primary_key=True),
    Column("company", String(64), primary_key=True),  # empty: all companies together
    Column("reserved", FineAmount, nullable=False),
    Column("spent", FineAmount, nullable=False),
)

model_usage = Table(
    "model_usage",
    metadata,
    Column("month", String(7), primary_key=True),
    Column("company", String(64), primary_key=True),
    Column("case_id", Id, primary_key=True),
    Column("model", String(120), primary_key=True),
    Column("questions", Integer, nullable=False),
    Column("failed", Integer, nullable=False),
    Column("tokens_in", BigInteger, nullable=False),
    Column("tokens_cached", BigInteger, nullable=False),
    Column("tokens_out", BigInteger, nullable=False),
    Column("cost", FineAmount, nullable=False),
    Index("ix_model_usage_case_id", "case_id"),
)

connect_links = Table(
    "connect_links",
    metadata,
    Column("state", String(64), primary_key=True),
    Column("person", String(32), nullable=False),
    Column("channel", String(32), nullable=False),
    Column("opened_at", Utc, nullable=False),
    Column("used_at", Utc),
)

taken = Table(
    "taken",
    metadata,
    Column("sha256", String(64), primary_key=True),
    Column("taken_at", Utc, nullable=False),
    Index("ix_taken_taken_at", "taken_at"),
)

events = Table(
    "events",
    metadata,
    _id(),
    Column("source", String(200), nullable=False),
    Column("event_id", String(200), nullable=False),
    Column("company", String(64), nullable=False),
    Column("entity", String(40), nullable=False),
    Column("entity_id", String(64), nullable=False),
    Column("verb", String(40), nullable=False),
    Column("deleted_id", String(64), nullable=False, server_default=""),
    Column("happened_at", Utc),
    Column("received_at", Utc, nullable=False),
    *_work(),
    UniqueConstraint("source", "event_id"),
    Index("ix_events_due_at", "due_at"),
    Index("ix_events_entity", "company", "entity", "entity_id"),
)

invoices = Table(
    "invoices",
    metadata,
    Column("company", ForeignKey("companies.realm"), primary_key=True),
    Column("id", String(64), primary_key=True),
    Column("number", String(40), nullable=False),
    Column("customer", String(64), nullable=False),
    Column("txn_date", Date, nullable=False),
    Column("due", Date, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("total", Amount, nullable=False),
    Column("open", Amount, nullable=False),
    Column("rate", Rate, nullable=False),
    Column("status", String(8), nullable=False),
    Column("round", Integer, nullable=False, server_default="1"),
    Column("read_at", Utc, nullable=False),
    Column("settled_at", Utc),
    Index("ix_invoices_customer", "company", "customer", "status", "due"),
    Index("ix_invoices_open", "company", "status", "currency", "due", "open"),
    Index(
        "ix_invoices_settled_at",
        "company",
        "settled_at",
        sqlite_where=text("settled_at IS NOT NULL"),
        postgresql_where=text("settled_at IS NOT NULL"),
    ),
)

customers = Table(
    "customers",
    metadata,
    Column("company", ForeignKey("companies.realm"), primary_key=True),
    Column("id", String(64), primary_key=True),
    Column("name", Text, nullable=False),
    Column("name_key", String(200), nullable=False, server_default=""),
    Column("email", Text, nullable=False),
    Column("phone", Text, nullable=False, server_default=""),
    Column("parent", String(64), nullable=False),
    Column("bills_parent", Boolean, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("balance", Amount, nullable=False),
    Column("read_at", Utc, nullable=False),
    Index("ix_customers_parent", "company", "parent"),
    Index("ix_customers_name_key", "company", "name_key"),
)

delays = Table(
    "delays",
    metadata,
    Column("company", ForeignKey("companies.realm"), primary_key=True),
    Column("customer", String(64), primary_key=True),
    Column("usual", Integer, nullable=False),
    Column("early", Integer, nullable=False),
    Column("late", Integer, nullable=False),
    Column("settled", Integer, nullable=False),
)

forecasts = Table(
    "forecasts",
    metadata,
    Column("company", ForeignKey("companies.realm"), primary_key=True),
    Column("week", Date, primary_key=True),
    Column("made_at", Utc, nullable=False),
    Column("outlook", Json, nullable=False),
    Column("opening", Json, nullable=False),  # the largest comes last
)

reviews = Table(
    "reviews",
    metadata,
    Column("company", ForeignKey("companies.realm"), primary_key=True),
    Column("week", Date, primary_key=True),
    Column("made_at", Utc, nullable=False),
    Column("body", Json, nullable=False),
)

wordings = Table(
    "wordings",
    metadata,
    Column("company", ForeignKey("companies.realm"), primary_key=True),
    Column("kind", String(12), primary_key=True),
    Column("language", String(8), primary_key=True),
    Column("name", String(32), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("text", Text, nullable=False),  # empty: the standard text again
    Column("sha256", String(64), nullable=False),
    Column("replaces", Integer, nullable=False),  # the version to return to; 0: the standard text
    Column("proposal", String(64), nullable=False),
    Column("taken_by", String(40), nullable=False),
    Column("taken_at", Utc, nullable=False),
)
wording_proposals = Table(
    "wording_proposals",
    metadata,
    Column("company", ForeignKey("companies.realm"), primary_key=True),
    Column("fingerprint", String(64), primary_key=True),
    Column("week", Date, nullable=False),
    Column("kind", String(12), nullable=False),
    Column("language", String(8), nullable=False),
    Column("name", String(32), nullable=False),
    Column("before", Text, nullable=False),
    Column("after", Text, nullable=False),
    Column("below", Text, nullable=False),
    Column("base", String(64), nullable=False),
    Column("cases", Json, nullable=False),
    Column("customers", Integer, nullable=False),
    Column("state", String(12), nullable=False),
    Column("answered_by", String(40), nullable=False, server_default=""),
    Column("answered_at", Utc),
)

cases = Table(
    "cases",
    metadata,
    _id(),
    Column("company", ForeignKey("companies.realm"), nullable=False),
    Column("customer", String(64), nullable=False),
    Column("currency", String(3), nullable=False),
    Column("state", String(12), nullable=False),
    Column("version", Integer, nullable=False, server_default="1"),
    Column("stage", Integer, nullable=False),
    Column("shadow", Boolean, nullable=False),
    Column("trigger", String(200), nullable=False),
    Column("opened_at", Utc, nullable=False),
    Column("closed_at", Utc),
    Column("end_reason", Text, nullable=False, server_default=""),
    Column("allowed_anyway", Json),
    Column("assessment", Id),  # it and drafts point at cases; SQLite has no circular keys
    Column("reassess", Boolean, nullable=False, server_default=text("false")),
    Column("without", Json),
    Column("draft", Id),
    Column("approval_opens_at", Utc),
    Column("assigned_to", String(32), nullable=False, server_default=""),
    Column("undo_until", Utc),
    Column("lapses_at", Utc),
    *_work(),
    Index(
        "uq_cases_open",
        "company",
        "customer",
        "currency",
        unique=True,
        sqlite_where=text(f"state IN ({_quoted(list(OPEN))})"),
        postgresql_where=text(f"state IN ({_quoted(list(OPEN))})"),
    ),
    Index("ix_cases_due", "state", "due_at"),
    Index("ix_cases_customer", "company", "customer"),
    Index("ix_cases_closed_at", "company", "closed_at"),
)

case_invoices = Table(
    "case_invoices",
    metadata,
    Column("case_id", ForeignKey("cases.id"), primary_key=True),
    Column("company", String(64), nullable=False),
    Column("invoice", String(64), primary_key=True),
    Index("ix_case_invoices_invoice", "company", "invoice"),
)

crossings = Table(
    "crossings",
    metadata,
    _id(),
    Column("company", ForeignKey("companies.realm"), nullable=False),
    Column("invoice", String(64), nullable=False),
    Column("round", Integer, nullable=False),
    Column("stage", Integer, nullable=False),
    Column("case_id", ForeignKey("cases.id"), nullable=False),
    Column("crossed_at", Utc, nullable=False),
    Column("released_at", Utc),
    Index(
        "uq_crossings_once",
        "company",
        "invoice",
        "round",
        "stage",
        unique=True,
        sqlite_where=text("released_at IS NULL"),
        postgresql_where=text("released_at IS NULL"),
    ),
    Index("ix_crossings_case_id", "case_id"),
)

holds = Table(
    "holds",
    metadata,
    _id(),
    Column("company", ForeignKey("companies.realm"), nullable=False),
    Column("customer", String(64), nullable=False),
    Column("invoice", String(64), nullable=False),
    Column("kind", String(12), nullable=False),
    Column("until", Date, nullable=False),
    Column("reason", Text, nullable=False),
    Column("set_by", String(32), nullable=False),
    Column("set_at", Utc, nullable=False),
    Column("lifted_by", String(32)),
    Column("lifted_at", Utc),
    Column("promise", ForeignKey("promises.id")),
    Index("ix_holds_customer", "company", "customer"),
)

promises = Table(
    "promises",
    metadata,
    _id(),
    Column("company", ForeignKey("companies.realm"), nullable=False),
    Column("customer", String(64), nullable=False),
    Column("currency", String(3), nullable=False),
    Column("case_id", ForeignKey("cases.id"), nullable=False),
    Column("reply", ForeignKey("replies.id")),
    Column("kind", String(12), nullable=False),
    Column("state", String(12), nullable=False),
    Column("set_by", String(32), nullable=False),
    Column("set_at", Utc, nullable=False),
    Column("ended_at", Utc),
    Index("ix_promises_customer", "company", "customer"),
)

instalments = Table(
    "instalments",
    metadata,
    Column("promise", ForeignKey("promises.id"), primary_key=True),
    Column("due", Date, primary_key=True),
    Column("amount", Amount, nullable=False),
)

promised_invoices = Table(
    "promised_invoices",
    metadata,
    Column("promise", ForeignKey("promises.id"), primary_key=True),
    Column("company", String(64), nullable=False),
    Column("invoice", String(64), primary_key=True),
    Column("open", Amount, nullable=False),
    Column("broken_round", Integer),
    Column("raised_to", Integer),
    Index("ix_promised_invoices_invoice", "company", "invoice"),
)

addresses = Table(
    "addresses",
    metadata,
    Column("company", ForeignKey("companies.realm"), primary_key=True),
    Column("customer", String(64), primary_key=True),
    Column("address", String(320), primary_key=True),
    Column("source", String(12), nullable=False),
    Column("chosen", Boolean, nullable=False),
    Column("set_by", String(32), nullable=False),
    Column("set_at", Utc, nullable=False),
    Column("bounced_at", Utc),
)

carbon_copies = Table(
    "carbon_copies",
    metadata,
    Column("company", ForeignKey("companies.realm"), primary_key=True),
    Column("customer", String(64), primary_key=True),
    Column("address", String(320), primary_key=True),
    Column("set_by", String(32), nullable=False),
    Column("set_at", Utc, nullable=False),
)

confirmed_names = Table(
    "confirmed_names",
    metadata,
    Column("company", ForeignKey("companies.realm"), primary_key=True),
    Column("customer", String(64), primary_key=True),
    Column("sha256", String(64), primary_key=True),
    Column("set_by", String(32), nullable=False),
    Column("set_at", Utc, nullable=False),
)

identities = Table(
    "identities",
    metadata,
    Column("company", ForeignKey("companies.realm"), primary_key=True),
    Column("customer", String(64), primary_key=True),
    Column("source", String(20), primary_key=True),
    Column("record", String(64), primary_key=True),
    Column("set_by", String(32), nullable=False),
    Column("set_at", Utc, nullable=False),
)

marks = Table(
    "marks",
    metadata,
    _id(),
    Column("company", ForeignKey("companies.realm"), nullable=False),
    Column("customer", String(64), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("reason", Text, nullable=False),
    Column("review_on", Date),
    Column("set_by", String(32), nullable=False),
    Column("set_at", Utc, nullable=False),
    Column("lifted_by", String(32)),
    Column("lifted_at", Utc),
    Index(
        "uq_marks_standing",
        "company",
        "customer",
        "kind",
        unique=True,
        sqlite_where=text("lifted_at IS NULL"),
        postgresql_where=text("lifted_at IS NULL"),
    ),
)

phone_calls = Table(
    "phone_calls",
    metadata,
    _id(),
    Column("company", ForeignKey("companies.realm"), nullable=False),
    Column("customer", String(64), nullable=False),
    Column("outcome", String(12), nullable=False),
    Column("said", Text, nullable=False),
    Column("called_by", String(32), nullable=False),
    Column("called_at", Utc, nullable=False),
    Index("ix_phone_calls_customer", "company", "customer"),
)

account_managers = Table(
    "account_managers",
    metadata,
    Column("company", ForeignKey("companies.realm"), primary_key=True),
    Column("customer", String(64), primary_key=True),
    Column("person", String(32), nullable=False),
    Column("set_by", String(32), nullable=False),
    Column("set_at", Utc, nullable=False),
    Index("ix_account_managers_person", "person"),
)

documents = Table(
    "documents",
    metadata,
    Column("sha256", String(64), primary_key=True),
    Column("source", String(20), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("written_at", Utc, nullable=False),
    Column("first_seen_at", Utc, nullable=False),
    Column("text", Json, nullable=False),  # a text column of PostgreSQL refuses NUL
    Index("ix_documents_first_seen_at", "first_seen_at"),
)

replies = Table(
    "replies",
    metadata,
    _id(),
    Column("company", ForeignKey("companies.realm"), nullable=False),
    Column("customer", String(64), nullable=False),
    Column("document", String(40), nullable=False),
    Column("content_sha256", String(64), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("stances", Json, nullable=False),
    Column("case_id", ForeignKey("cases.id")),
    Column("came_at", Utc, nullable=False),
    Column("noticed_at", Utc, nullable=False),
    Column("promised_on", Date),
    Column("promised", Amount),
    Column("settled", Json, nullable=False),
    Column("settled_by", String(32), nullable=False, server_default=""),
    Column("settled_at", Utc),
    UniqueConstraint("company", "customer", "document"),
)

read_texts = Table(
    "read_texts",
    metadata,
    Column("company", ForeignKey("companies.realm"), primary_key=True),
    Column("customer", String(64), primary_key=True),
    Column("document", String(120), primary_key=True),
    Column("sha256", String(64), primary_key=True),
    Column("read_by", String(32), nullable=False),
    Column("read_at", Utc, nullable=False),
)
heard_texts = Table(
    "heard_texts",
    metadata,
    Column("company", ForeignKey("companies.realm"), primary_key=True),
    Column("customer", String(64), primary_key=True),
    Column("document", String(120), primary_key=True),
    Column("sha256", String(64), primary_key=True),
    Column("source", String(20), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("written_at", Utc, nullable=False),
    Column("readings", Json, nullable=False),
    Column("settled", Json, nullable=False),
)

outages = Table(
    "outages",
    metadata,
    Column("company", String(64), primary_key=True),
    Column("customer", String(64), primary_key=True),
    Column("source", String(20), primary_key=True),
    Column("since", Utc, nullable=False),
    Column("reason", Text, nullable=False),
)

readings = Table(
    "readings",
    metadata,
    Column("content_sha256", String(64), primary_key=True),
    Column("reader", String(120), primary_key=True),
    Column("stance", String(20), primary_key=True),
    Column("lines", Json, nullable=False),
    Column("read_at", Utc, nullable=False),
)

assessments = Table(
    "assessments",
    metadata,
    _id(),
    Column("case_id", ForeignKey("cases.id"), nullable=False),
    Column("made_at", Utc, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("policy_sha256", String(64), nullable=False),
    Column("stage", Integer, nullable=False),
    Column("owner", String(320), nullable=False),
    Column("class", String(32)),
    Column("confidence", String(8), nullable=False),
    Column("author", String(120), nullable=False),
    Column("model", String(120), nullable=False),
    Column("prompt", String(80), nullable=False),
    Column("failure", Text, nullable=False),
    Column("summary", Text, nullable=False),
    Column("rulings", Json, nullable=False),
    Column("evidence", Json, nullable=False),
    Column("reasons", Json, nullable=False),
    Column("readings", Json, nullable=False),
    Column("documents", Json, nullable=False),
    Column("record", Json),
    Column("findings", Json, nullable=False),
    Column("pruned_at", Utc),
    Column("facts", Json),  # the largest come last: SQLite skips what it need not read
    Column("basis", Json),
    Index("ix_assessments_case_id", "case_id"),
)

drafts = Table(
    "drafts",
    metadata,
    _id(),
    Column("case_id", ForeignKey("cases.id"), nullable=False),
    Column("assessment", ForeignKey("assessments.id")),
    Column("version", Integer, nullable=False),
    Column("letter", Text, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("author", String(120), nullable=False),
    Column("author_reason", Text, nullable=False),
    Column("wording", String(64), nullable=False, server_default=""),
    Column("edited_by", String(32), nullable=False),
    Column("violations", Json, nullable=False),
    Column("rulings", Json, nullable=False),
    Column("changed", Json, nullable=False),
    Column("marked", Boolean, nullable=False),
    Column("deadline", Date),
    Column("written_at", Utc, nullable=False),
    Column("pruned_at", Utc),
    UniqueConstraint("case_id", "version"),
)

decisions = Table(
    "decisions",
    metadata,
    _id(),
    Column("case_id", ForeignKey("cases.id"), nullable=False),
    Column("assessment", ForeignKey("assessments.id")),
    Column("draft", ForeignKey("drafts.id")),
    Column("draft_sha256", String(64), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("actor", String(40), nullable=False),
    Column("at", Utc, nullable=False),
    Column("reason", Text, nullable=False),
    Column("comment", Text, nullable=False, server_default=""),
    Column("policy_sha256", String(64), nullable=False),
    Index("ix_decisions_case_id", "case_id"),
    Index("ix_decisions_draft", "draft"),
    Index("ix_decisions_at", "at"),
    Index(
        "uq_decisions_one_approval",
        "draft",
        "actor",
        unique=True,
        sqlite_where=text("kind = 'approve'"),
        postgresql_where=text("kind = 'approve'"),
    ),
)

sends = Table(
    "sends",
    metadata,
    _id(),
    Column("case_id", ForeignKey("cases.id"), nullable=False),
    Column("draft", ForeignKey("drafts.id"), nullable=False),
    Column("token", String(32), nullable=False),
    Column("state", String(16), nullable=False),
    Column("message_id", String(200), nullable=False),
    Column("recipient", String(320), nullable=False),
    Column("bytes_sha256", String(64), nullable=False),
    Column("attachments", Json, nullable=False),
    Column("began_at", Utc, nullable=False),
    Column("ended_at", Utc),
    Column("bounced_at", Utc),
    Column("detail", Text, nullable=False, server_default=""),
    Index(
        "uq_sends_one_mail",
        "case_id",
        unique=True,
        sqlite_where=text("state IN ('in_flight', 'sent', 'unknown')"),
        postgresql_where=text("state IN ('in_flight', 'sent', 'unknown')"),
    ),
    Index("ix_sends_recipient", "recipient"),
    Index("ix_sends_case_id", "case_id"),
    Index("ix_sends_message_id", "message_id"),
)
unfiled_mails = Table(
    "unfiled_mails",
    metadata,
    Column("send", ForeignKey("sends.id"), primary_key=True),
    Column("message", LargeBinary, nullable=False),
)
sent_cc = Table(
    "sent_cc",
    metadata,
    Column("send", ForeignKey("sends.id"), primary_key=True),
    Column("address", String(320), primary_key=True),
    Index("ix_sent_cc_address", "address"),
)

notes = Table(
    "notes",
    metadata,
    _id(),
    Column("case_id", ForeignKey("cases.id"), nullable=False, unique=True),
    Column("draft", ForeignKey("drafts.id"), nullable=False),
    Column("text", Text, nullable=False),
    Column("invoices", Json, nullable=False),
    Column("request_id", String(50), nullable=False),
    Column("state", String(12), nullable=False),
    Column("attachable", String(64), nullable=False, server_default=""),
    Column("detail", Text, nullable=False, server_default=""),
    Column("at", Utc, nullable=False),
)

draft_copies = Table(
    "draft_copies",
    metadata,
    _id(),
    Column("case_id", ForeignKey("cases.id"), nullable=False),
    Column("draft", ForeignKey("drafts.id"), nullable=False),
    Column("person", String(32), nullable=False),
    Column("address", String(320), nullable=False, server_default=""),
    Column("message_id", String(200), nullable=False, server_default=""),
    Column("state", String(12), nullable=False),
    Column("asked_at", Utc, nullable=False),
    Column("ended_at", Utc),
    *_work(),
    UniqueConstraint("draft", "person"),
    Index("ix_draft_copies_due_at", "due_at"),
)

messages = Table(
    "messages",
    metadata,
    _id(),
    Column("company", String(64), nullable=False),
    Column("kind", String(8), nullable=False),
    Column("dedupe", String(200), nullable=False, unique=True),
    Column("case_id", ForeignKey("cases.id")),
    Column("below", ForeignKey("messages.id")),  # a line of a thread that hangs on no card
    Column("channel", String(32), nullable=False),
    Column("person", String(32), nullable=False, server_default=""),
    Column("made_at", Utc, nullable=False),
    Column("with_draft", Boolean, nullable=False, server_default=text("false")),
    Column("ts", String(32)),
    Column("posting", Utc),
    Column("rendered_version", Integer, nullable=False, server_default="0"),
    Column("body", Json),
    *_work(),
    Index("ix_messages_case_id", "case_id"),
    Index("ix_messages_due_at", "due_at"),
    Index("ix_messages_made_at", "company", "made_at"),
)

shown_to = Table(
    "shown_to",
    metadata,
    Column("case_id", ForeignKey("cases.id"), primary_key=True),
    Column("person", String(32), primary_key=True),
    Column("message", ForeignKey("messages.id"), nullable=False),
    Index("ix_shown_to_message", "message"),
)

channels = Table(
    "channels",
    metadata,
    Column("channel", String(32), primary_key=True),
    Column("next_at", Utc, nullable=False),
    Column("looked_at", Utc),
    Column("shared", Boolean, nullable=False, server_default=text("false")),
)

people = Table(
    "people",
    metadata,
    Column("id", String(320), primary_key=True),
    Column("kind", String(8), nullable=False),
    Column("body", Json),
    Column("wanted_at", Utc),
    Column("read_at", Utc),
)

artifacts = Table(
    "artifacts",
    metadata,
    Column("sha256", String(64), primary_key=True),
    Column("kind", String(20), nullable=False),
    Column("text", Text, nullable=False),
    Column("first_seen_at", Utc, nullable=False),
    Column("change", Integer),
)

words = Table(
    "words",
    metadata,
    Column("sha256", String(64), primary_key=True),
    Column("text", Text, nullable=False),
    Column("said_at", Utc, nullable=False),
    Index("ix_words_said_at", "said_at"),
)

schedule = Table(
    "schedule",
    metadata,
    _id(),
    Column("company", String(64), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("body", Json),
    *_work(),
    UniqueConstraint("company", "kind"),
    Index("ix_schedule_due_at", "due_at"),
)

sweeping = Table(
    "sweeping",
    metadata,
    Column("company", String(64), primary_key=True),
    Column("kind", String(12), primary_key=True),
    Column("id", String(64), primary_key=True),
    Column("weight", Integer, nullable=False),
)

log = Table(
    "log",
    metadata,
    Column("company", String(64), primary_key=True),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("case_id", Id),
    Column("body", Text, nullable=False),
    Column("hash", String(64), nullable=False),
    Index("ix_log_case_id", "case_id"),
)

log_heads = Table(
    "log_heads",
    metadata,
    Column("company", String(64), primary_key=True),
    Column("seq", Integer, nullable=False),
    Column("hash", String(64), nullable=False),
)


def of_customer(table: Table) -> ColumnElement[bool]:
    """The rows about one customer of a company, for a statement that is built once for all of them:
    building takes several times as long as executing. It takes `company` and `customer`."""
    return (table.c.company == bindparam("company")) & (table.c.customer == bindparam("customer"))
