"""The first tables, and the guards of the log and of assessments."""

import sqlalchemy as sa
from alembic import op

from jobs.store.database.migrations.guards import (
    guard_assessments,
    guard_log,
    guard_wordings,
)
from jobs.store.database.types import Amount, FineAmount, Id, Json, Rank, Rate, Utc

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create every table and make the log append-only."""
    op.create_table(
        "artifacts",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("first_seen_at", Utc(), nullable=False),
        sa.Column("change", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_artifacts")),
    )
    op.create_table(
        "words",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("said_at", Utc(), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_words")),
    )
    with op.batch_alter_table("words", schema=None) as batch_op:
        batch_op.create_index("ix_words_said_at", ["said_at"], unique=False)
    op.create_table(
        "taken",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("taken_at", Utc(), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_taken")),
    )
    with op.batch_alter_table("taken", schema=None) as batch_op:
        batch_op.create_index("ix_taken_taken_at", ["taken_at"], unique=False)
    op.create_table(
        "budgets",
        sa.Column("company", sa.String(length=64), nullable=False),
        sa.Column("taken", Json(), nullable=False),
        sa.Column("batches", Json(), nullable=False),
        sa.Column("held_since", Utc(), nullable=True),
        sa.Column("held_until", Utc(), nullable=True),
        sa.PrimaryKeyConstraint("company", name=op.f("pk_budgets")),
    )
    op.create_table(
        "channels",
        sa.Column("channel", sa.String(length=32), nullable=False),
        sa.Column("next_at", Utc(), nullable=False),
        sa.Column("looked_at", Utc(), nullable=True),
        sa.Column("shared", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.PrimaryKeyConstraint("channel", name=op.f("pk_channels")),
    )
    op.create_table(
        "companies",
        sa.Column("realm", sa.String(length=64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("country", sa.String(length=8), nullable=False),
        sa.Column("zone", sa.String(length=64), nullable=False),
        sa.Column("home_currency", sa.String(length=3), nullable=False),
        sa.Column("book_close", sa.Date(), nullable=True),
        sa.Column("read_only", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("channel", sa.String(length=32), nullable=False),
        sa.Column("mode", sa.String(length=8), nullable=False),
        sa.Column("shadow_channel", sa.String(length=32), server_default="", nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("paused_at", Utc(), nullable=True),
        sa.Column("paused_by", sa.String(length=32), nullable=True),
        sa.Column("connected_at", Utc(), nullable=False),
        sa.Column("connected_by", sa.String(length=32), nullable=False),
        sa.Column("reminders_off_by", sa.String(length=32), nullable=True),
        sa.Column("reminders_off_at", Utc(), nullable=True),
        sa.Column("model", sa.String(length=200), server_default="", nullable=False),
        sa.Column("model_offered", sa.String(length=200), server_default="", nullable=False),
        sa.Column("prompts", sa.String(length=64), server_default="", nullable=False),
        sa.Column("swept_at", Utc(), nullable=True),
        sa.Column("changes_since", Utc(), nullable=True),
        sa.Column("sealed_tokens", sa.Text(), nullable=True),
        sa.Column("refresh_expires_at", Utc(), nullable=True),
        sa.Column("hard_expires_at", Utc(), nullable=True),
        sa.Column("lease_token", sa.String(length=32), nullable=True),
        sa.Column("lease_until", Utc(), nullable=True),
        sa.PrimaryKeyConstraint("realm", name=op.f("pk_companies")),
        sa.UniqueConstraint("channel", name=op.f("uq_companies_channel")),
    )
    op.create_table(
        "connect_links",
        sa.Column("state", sa.String(length=64), nullable=False),
        sa.Column("person", sa.String(length=32), nullable=False),
        sa.Column("channel", sa.String(length=32), nullable=False),
        sa.Column("opened_at", Utc(), nullable=False),
        sa.Column("used_at", Utc(), nullable=True),
        sa.PrimaryKeyConstraint("state", name=op.f("pk_doors")),
    )
    op.create_table(
        "events",
        sa.Column("id", Id(), autoincrement=True, nullable=False),
        sa.Column("source", sa.String(length=200), nullable=False),
        sa.Column("event_id", sa.String(length=200), nullable=False),
        sa.Column("company", sa.String(length=64), nullable=False),
        sa.Column("entity", sa.String(length=40), nullable=False),
        sa.Column("entity_id", sa.String(length=64), nullable=False),
        sa.Column("verb", sa.String(length=40), nullable=False),
        sa.Column("deleted_id", sa.String(length=64), server_default="", nullable=False),
        sa.Column("happened_at", Utc(), nullable=True),
        sa.Column("received_at", Utc(), nullable=False),
        sa.Column("due_at", Utc(), nullable=True),
        sa.Column("rank", Rank(), server_default="0", nullable=False),
        sa.Column("token", sa.String(length=32), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("last_error", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
        sa.UniqueConstraint("source", "event_id", name=op.f("uq_events_source_event_id")),
    )
    op.create_index("ix_events_due_at", "events", ["due_at"], unique=False)
    op.create_index("ix_events_entity", "events", ["company", "entity", "entity_id"], unique=False)
    op.create_table(
        "log",
        sa.Column("company", sa.String(length=64), nullable=False),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("case_id", Id(), nullable=True),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("company", "seq", name=op.f("pk_log")),
    )
    op.create_index("ix_log_case_id", "log", ["case_id"], unique=False)
    op.create_table(
        "log_heads",
        sa.Column("company", sa.String(length=64), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("company", name=op.f("pk_log_heads")),
    )
    op.create_table(
        "people",
        sa.Column("id", sa.String(length=320), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("body", Json(), nullable=True),
        sa.Column("wanted_at", Utc(), nullable=True),
        sa.Column("read_at", Utc(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_people")),
    )
    op.create_table(
        "outages",
        sa.Column("company", sa.String(length=64), nullable=False),
        sa.Column("customer", sa.String(length=64), nullable=False),
        sa.Column("source", sa.String(length=20), nullable=False),
        sa.Column("since", Utc(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("company", "customer", "source", name=op.f("pk_outages")),
    )
    op.create_table(
        "readings",
        sa.Column("content_sha256", sa.String(length=64), nullable=False),
        sa.Column("reader", sa.String(length=120), nullable=False),
        sa.Column("stance", sa.String(length=20), nullable=False),
        sa.Column("lines", Json(), nullable=False),
        sa.Column("read_at", Utc(), nullable=False),
        sa.PrimaryKeyConstraint("content_sha256", "reader", "stance", name=op.f("pk_readings")),
    )
    op.create_table(
        "schedule",
        sa.Column("id", Id(), autoincrement=True, nullable=False),
        sa.Column("company", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("body", Json(), nullable=True),
        sa.Column("due_at", Utc(), nullable=True),
        sa.Column("rank", Rank(), server_default="0", nullable=False),
        sa.Column("token", sa.String(length=32), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("last_error", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_schedule")),
        sa.UniqueConstraint("company", "kind", name=op.f("uq_schedule_company_kind")),
    )
    op.create_index("ix_schedule_due_at", "schedule", ["due_at"], unique=False)
    op.create_table(
        "sweeping",
        sa.Column("company", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("weight", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("company", "kind", "id", name=op.f("pk_sweeping")),
    )
    op.create_table(
        "usage",
        sa.Column("month", sa.String(length=7), nullable=False),
        sa.Column("company", sa.String(length=64), nullable=False),
        sa.Column("metered", sa.Integer(), nullable=False),
        sa.Column("free", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("month", "company", name=op.f("pk_usage")),
    )
    op.create_table(
        "model_months",
        sa.Column("month", sa.String(length=7), nullable=False),
        sa.Column("company", sa.String(length=64), nullable=False),
        sa.Column("reserved", FineAmount(), nullable=False),
        sa.Column("spent", FineAmount(), nullable=False),
        sa.PrimaryKeyConstraint("month", "company", name=op.f("pk_model_months")),
    )
    op.create_table(
        "model_usage",
        sa.Column("month", sa.String(length=7), nullable=False),
        sa.Column("company", sa.String(length=64), nullable=False),
        sa.Column("case_id", Id(), nullable=False),
        sa.Column("model", sa.String(length=120), nullable=False),
        sa.Column("questions", sa.Integer(), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.Column("tokens_in", sa.BigInteger(), nullable=False),
        sa.Column("tokens_cached", sa.BigInteger(), nullable=False),
        sa.Column("tokens_out", sa.BigInteger(), nullable=False),
        sa.Column("cost", FineAmount(), nullable=False),
        sa.PrimaryKeyConstraint(
            "month", "company", "case_id", "model", name=op.f("pk_model_usage")
        ),
    )
    op.create_index("ix_model_usage_case_id", "model_usage", ["case_id"], unique=False)
    op.create_table(
        "addresses",
        sa.Column("company", sa.String(length=64), nullable=False),
        sa.Column("customer", sa.String(length=64), nullable=False),
        sa.Column("address", sa.String(length=320), nullable=False),
        sa.Column("source", sa.String(length=12), nullable=False),
        sa.Column("chosen", sa.Boolean(), nullable=False),
        sa.Column("set_by", sa.String(length=32), nullable=False),
        sa.Column("set_at", Utc(), nullable=False),
        sa.Column("bounced_at", Utc(), nullable=True),
        sa.ForeignKeyConstraint(
            ["company"], ["companies.realm"], name=op.f("fk_addresses_company")
        ),
        sa.PrimaryKeyConstraint("company", "customer", "address", name=op.f("pk_addresses")),
    )
    op.create_table(
        "carbon_copies",
        sa.Column("company", sa.String(length=64), nullable=False),
        sa.Column("customer", sa.String(length=64), nullable=False),
        sa.Column("address", sa.String(length=320), nullable=False),
        sa.Column("set_by", sa.String(length=32), nullable=False),
        sa.Column("set_at", Utc(), nullable=False),
        sa.ForeignKeyConstraint(
            ["company"], ["companies.realm"], name=op.f("fk_carbon_copies_company")
        ),
        sa.PrimaryKeyConstraint("company", "customer", "address", name=op.f("pk_carbon_copies")),
    )
    op.create_table(
        "confirmed_names",
        sa.Column("company", sa.String(length=64), nullable=False),
        sa.Column("customer", sa.String(length=64), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("set_by", sa.String(length=32), nullable=False),
        sa.Column("set_at", Utc(), nullable=False),
        sa.ForeignKeyConstraint(
            ["company"], ["companies.realm"], name=op.f("fk_confirmed_names_company")
        ),
        sa.PrimaryKeyConstraint("company", "customer", "sha256", name=op.f("pk_confirmed_names")),
    )
    op.create_table(
        "read_texts",
        sa.Column("company", sa.String(length=64), nullable=False),
        sa.Column("customer", sa.String(length=64), nullable=False),
        sa.Column("document", sa.String(length=120), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("read_by", sa.String(length=32), nullable=False),
        sa.Column("read_at", Utc(), nullable=False),
        sa.ForeignKeyConstraint(
            ["company"], ["companies.realm"], name=op.f("fk_read_texts_company")
        ),
        sa.PrimaryKeyConstraint(
            "company", "customer", "document", "sha256", name=op.f("pk_read_texts")
        ),
    )
    op.create_table(
        "heard_texts",
        sa.Column("company", sa.String(length=64), nullable=False),
        sa.Column("customer", sa.String(length=64), nullable=False),
        sa.Column("document", sa.String(length=120), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("source", sa.String(length=20), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("written_at", Utc(), nullable=False),
        sa.Column("readings", Json(), nullable=False),
        sa.Column("settled", Json(), nullable=False),
        sa.ForeignKeyConstraint(
            ["company"], ["companies.realm"], name=op.f("fk_heard_texts_company")
        ),
        sa.PrimaryKeyConstraint(
            "company", "customer", "document", "sha256", name=op.f("pk_heard_texts")
        ),
    )
    op.create_table(
        "identities",
        sa.Column("company", sa.String(length=64), nullable=False),
        sa.Column("customer", sa.String(length=64), nullable=False),
        sa.Column("source", sa.String(length=20), nullable=False),
        sa.Column("record", sa.String(length=64), nullable=False),
        sa.Column("set_by", sa.String(length=32), nullable=False),
        sa.Column("set_at", Utc(), nullable=False),
        sa.ForeignKeyConstraint(
            ["company"], ["companies.realm"], name=op.f("fk_identities_company")
        ),
        sa.PrimaryKeyConstraint(
            "company", "customer", "source", "record", name=op.f("pk_identities")
        ),
    )
    op.create_table(
        "marks",
        sa.Column("id", Id(), autoincrement=True, nullable=False),
        sa.Column("company", sa.String(length=64), nullable=False),
        sa.Column("customer", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("review_on", sa.Date(), nullable=True),
        sa.Column("set_by", sa.String(length=32), nullable=False),
        sa.Column("set_at", Utc(), nullable=False),
        sa.Column("lifted_by", sa.String(length=32), nullable=True),
        sa.Column("lifted_at", Utc(), nullable=True),
        sa.ForeignKeyConstraint(["company"], ["companies.realm"], name=op.f("fk_marks_company")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_marks")),
    )
    op.create_index(
        "uq_marks_standing",
        "marks",
        ["company", "customer", "kind"],
        unique=True,
        sqlite_where=sa.text("lifted_at IS NULL"),
        postgresql_where=sa.text("lifted_at IS NULL"),
    )
    op.create_table(
        "phone_calls",
        sa.Column("id", Id(), autoincrement=True, nullable=False),
        sa.Column("company", sa.String(length=64), nullable=False),
        sa.Column("customer", sa.String(length=64), nullable=False),
        sa.Column("outcome", sa.String(length=12), nullable=False),
        sa.Column("said", sa.Text(), nullable=False),
        sa.Column("called_by", sa.String(length=32), nullable=False),
        sa.Column("called_at", Utc(), nullable=False),
        sa.ForeignKeyConstraint(
            ["company"], ["companies.realm"], name=op.f("fk_phone_calls_company")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_phone_calls")),
    )
    op.create_index("ix_phone_calls_customer", "phone_calls", ["company", "customer"], unique=False)
    op.create_table(
        "account_managers",
        sa.Column("company", sa.String(length=64), nullable=False),
        sa.Column("customer", sa.String(length=64), nullable=False),
        sa.Column("person", sa.String(length=32), nullable=False),
        sa.Column("set_by", sa.String(length=32), nullable=False),
        sa.Column("set_at", Utc(), nullable=False),
        sa.ForeignKeyConstraint(
            ["company"], ["companies.realm"], name=op.f("fk_account_managers_company")
        ),
        sa.PrimaryKeyConstraint("company", "customer", name=op.f("pk_account_managers")),
    )
    op.create_index("ix_account_managers_person", "account_managers", ["person"], unique=False)
    op.create_table(
        "documents",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("source", sa.String(length=20), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("written_at", Utc(), nullable=False),
        sa.Column("first_seen_at", Utc(), nullable=False),
        sa.Column("text", Json(), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_documents")),
    )
    op.create_index("ix_documents_first_seen_at", "documents", ["first_seen_at"], unique=False)
    op.create_table(
        "cases",
        sa.Column("id", Id(), autoincrement=True, nullable=False),
        sa.Column("company", sa.String(length=64), nullable=False),
        sa.Column("customer", sa.String(length=64), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("stage", sa.Integer(), nullable=False),
        sa.Column("shadow", sa.Boolean(), nullable=False),
        sa.Column("trigger", sa.String(length=200), nullable=False),
        sa.Column("opened_at", Utc(), nullable=False),
        sa.Column("closed_at", Utc(), nullable=True),
        sa.Column("end_reason", sa.Text(), server_default="", nullable=False),
        sa.Column("allowed_anyway", Json(), nullable=True),
        sa.Column("assessment", Id(), nullable=True),
        sa.Column("reassess", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("without", Json(), nullable=True),
        sa.Column("draft", Id(), nullable=True),
        sa.Column("approval_opens_at", Utc(), nullable=True),
        sa.Column("assigned_to", sa.String(length=32), server_default="", nullable=False),
        sa.Column("undo_until", Utc(), nullable=True),
        sa.Column("lapses_at", Utc(), nullable=True),
        sa.Column("due_at", Utc(), nullable=True),
        sa.Column("rank", Rank(), server_default="0", nullable=False),
        sa.Column("token", sa.String(length=32), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("last_error", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["company"], ["companies.realm"], name=op.f("fk_cases_company")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cases")),
    )
    op.create_index("ix_cases_closed_at", "cases", ["company", "closed_at"], unique=False)
    op.create_index("ix_cases_customer", "cases", ["company", "customer"], unique=False)
    op.create_index("ix_cases_due", "cases", ["state", "due_at"], unique=False)
    op.create_index(
        "uq_cases_open",
        "cases",
        ["company", "customer", "currency"],
        unique=True,
        sqlite_where=sa.text(
            "state IN ('approved', 'new', 'sending', 'snoozed', 'unknown', 'waiting')"
        ),
        postgresql_where=sa.text(
            "state IN ('approved', 'new', 'sending', 'snoozed', 'unknown', 'waiting')"
        ),
    )
    op.create_table(
        "customers",
        sa.Column("company", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_key", sa.String(length=200), server_default="", nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("phone", sa.Text(), server_default="", nullable=False),
        sa.Column("parent", sa.String(length=64), nullable=False),
        sa.Column("bills_parent", sa.Boolean(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("balance", Amount(), nullable=False),
        sa.Column("read_at", Utc(), nullable=False),
        sa.ForeignKeyConstraint(
            ["company"], ["companies.realm"], name=op.f("fk_customers_company")
        ),
        sa.PrimaryKeyConstraint("company", "id", name=op.f("pk_customers")),
    )
    op.create_index("ix_customers_name_key", "customers", ["company", "name_key"], unique=False)
    op.create_index("ix_customers_parent", "customers", ["company", "parent"], unique=False)
    op.create_table(
        "delays",
        sa.Column("company", sa.String(length=64), nullable=False),
        sa.Column("customer", sa.String(length=64), nullable=False),
        sa.Column("usual", sa.Integer(), nullable=False),
        sa.Column("early", sa.Integer(), nullable=False),
        sa.Column("late", sa.Integer(), nullable=False),
        sa.Column("settled", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["company"], ["companies.realm"], name=op.f("fk_delays_company")),
        sa.PrimaryKeyConstraint("company", "customer", name=op.f("pk_delays")),
    )
    op.create_table(
        "reviews",
        sa.Column("company", sa.String(length=64), nullable=False),
        sa.Column("week", sa.Date(), nullable=False),
        sa.Column("made_at", Utc(), nullable=False),
        sa.Column("body", Json(), nullable=False),
        sa.ForeignKeyConstraint(["company"], ["companies.realm"], name=op.f("fk_reviews_company")),
        sa.PrimaryKeyConstraint("company", "week", name=op.f("pk_reviews")),
    )
    op.create_table(
        "wordings",
        sa.Column("company", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("replaces", sa.Integer(), nullable=False),
        sa.Column("proposal", sa.String(length=64), nullable=False),
        sa.Column("taken_by", sa.String(length=40), nullable=False),
        sa.Column("taken_at", Utc(), nullable=False),
        sa.ForeignKeyConstraint(["company"], ["companies.realm"], name=op.f("fk_wordings_company")),
        sa.PrimaryKeyConstraint(
            *("company", "kind", "language", "name", "version"), name=op.f("pk_wordings")
        ),
    )
    op.create_table(
        "wording_proposals",
        sa.Column("company", sa.String(length=64), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("week", sa.Date(), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("before", sa.Text(), nullable=False),
        sa.Column("after", sa.Text(), nullable=False),
        sa.Column("below", sa.Text(), nullable=False),
        sa.Column("base", sa.String(length=64), nullable=False),
        sa.Column("cases", Json(), nullable=False),
        sa.Column("customers", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("answered_by", sa.String(length=40), server_default="", nullable=False),
        sa.Column("answered_at", Utc(), nullable=True),
        sa.ForeignKeyConstraint(
            ["company"], ["companies.realm"], name=op.f("fk_wording_proposals_company")
        ),
        sa.PrimaryKeyConstraint("company", "fingerprint", name=op.f("pk_wording_proposals")),
    )
    op.create_table(
        "forecasts",
        sa.Column("company", sa.String(length=64), nullable=False),
        sa.Column("week", sa.Date(), nullable=False),
        sa.Column("made_at", Utc(), nullable=False),
        sa.Column("outlook", Json(), nullable=False),
        sa.Column("opening", Json(), nullable=False),
        sa.ForeignKeyConstraint(
            ["company"], ["companies.realm"], name=op.f("fk_forecasts_company")
        ),
        sa.PrimaryKeyConstraint("company", "week", name=op.f("pk_forecasts")),
    )
    op.create_table(
        "invoices",
        sa.Column("company", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("number", sa.String(length=40), nullable=False),
        sa.Column("customer", sa.String(length=64), nullable=False),
        sa.Column("txn_date", sa.Date(), nullable=False),
        sa.Column("due", sa.Date(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("total", Amount(), nullable=False),
        sa.Column("open", Amount(), nullable=False),
        sa.Column("rate", Rate(), nullable=False),
        sa.Column("status", sa.String(length=8), nullable=False),
        sa.Column("round", sa.Integer(), server_default="1", nullable=False),
        sa.Column("read_at", Utc(), nullable=False),
        sa.Column("settled_at", Utc(), nullable=True),
        sa.ForeignKeyConstraint(["company"], ["companies.realm"], name=op.f("fk_invoices_company")),
        sa.PrimaryKeyConstraint("company", "id", name=op.f("pk_invoices")),
    )
    op.create_index(
        "ix_invoices_customer", "invoices", ["company", "customer", "status", "due"], unique=False
    )
    op.create_index(
        "ix_invoices_open",
        "invoices",
        ["company", "status", "currency", "due", "open"],
        unique=False,
    )
    op.create_index(
        "ix_invoices_settled_at",
        "invoices",
        ["company", "settled_at"],
        unique=False,
        sqlite_where=sa.text("settled_at IS NOT NULL"),
        postgresql_where=sa.text("settled_at IS NOT NULL"),
    )
    op.create_table(
        "case_invoices",
        sa.Column("case_id", Id(), nullable=False),
        sa.Column("company", sa.String(length=64), nullable=False),
        sa.Column("invoice", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_case_invoices_case_id")),
        sa.PrimaryKeyConstraint("case_id", "invoice", name=op.f("pk_case_invoices")),
    )
    op.create_index(
        "ix_case_invoices_invoice", "case_invoices", ["company", "invoice"], unique=False
    )
    op.create_table(
        "assessments",
        sa.Column("id", Id(), autoincrement=True, nullable=False),
        sa.Column("case_id", Id(), nullable=False),
        sa.Column("made_at", Utc(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("policy_sha256", sa.String(length=64), nullable=False),
        sa.Column("stage", sa.Integer(), nullable=False),
        sa.Column("owner", sa.String(length=320), nullable=False),
        sa.Column("class", sa.String(length=32), nullable=True),
        sa.Column("confidence", sa.String(length=8), nullable=False),
        sa.Column("author", sa.String(length=120), nullable=False),
        sa.Column("model", sa.String(length=120), nullable=False),
        sa.Column("prompt", sa.String(length=80), nullable=False),
        sa.Column("failure", sa.Text(), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("rulings", Json(), nullable=False),
        sa.Column("evidence", Json(), nullable=False),
        sa.Column("reasons", Json(), nullable=False),
        sa.Column("readings", Json(), nullable=False),
        sa.Column("documents", Json(), nullable=False),
        sa.Column("record", Json(), nullable=True),
        sa.Column("findings", Json(), nullable=False),
        sa.Column("pruned_at", Utc(), nullable=True),
        sa.Column("facts", Json(), nullable=True),
        sa.Column("basis", Json(), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_assessments_case_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assessments")),
    )
    op.create_index("ix_assessments_case_id", "assessments", ["case_id"], unique=False)
    op.create_table(
        "crossings",
        sa.Column("id", Id(), autoincrement=True, nullable=False),
        sa.Column("company", sa.String(length=64), nullable=False),
        sa.Column("invoice", sa.String(length=64), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("stage", sa.Integer(), nullable=False),
        sa.Column("case_id", Id(), nullable=False),
        sa.Column("crossed_at", Utc(), nullable=False),
        sa.Column("released_at", Utc(), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_crossings_case_id")),
        sa.ForeignKeyConstraint(
            ["company"], ["companies.realm"], name=op.f("fk_crossings_company")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_crossings")),
    )
    op.create_index("ix_crossings_case_id", "crossings", ["case_id"], unique=False)
    op.create_index(
        "uq_crossings_once",
        "crossings",
        ["company", "invoice", "round", "stage"],
        unique=True,
        sqlite_where=sa.text("released_at IS NULL"),
        postgresql_where=sa.text("released_at IS NULL"),
    )
    op.create_table(
        "drafts",
        sa.Column("id", Id(), autoincrement=True, nullable=False),
        sa.Column("case_id", Id(), nullable=False),
        sa.Column("assessment", Id(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("letter", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("author", sa.String(length=120), nullable=False),
        sa.Column("author_reason", sa.Text(), nullable=False),
        sa.Column("wording", sa.String(length=64), server_default="", nullable=False),
        sa.Column("edited_by", sa.String(length=32), nullable=False),
        sa.Column("violations", Json(), nullable=False),
        sa.Column("rulings", Json(), nullable=False),
        sa.Column("changed", Json(), nullable=False),
        sa.Column("marked", sa.Boolean(), nullable=False),
        sa.Column("deadline", sa.Date(), nullable=True),
        sa.Column("written_at", Utc(), nullable=False),
        sa.Column("pruned_at", Utc(), nullable=True),
        sa.ForeignKeyConstraint(
            ["assessment"], ["assessments.id"], name=op.f("fk_drafts_assessment")
        ),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_drafts_case_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_drafts")),
        sa.UniqueConstraint("case_id", "version", name=op.f("uq_drafts_case_id_version")),
    )
    op.create_table(
        "messages",
        sa.Column("id", Id(), autoincrement=True, nullable=False),
        sa.Column("company", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("dedupe", sa.String(length=200), nullable=False),
        sa.Column("case_id", Id(), nullable=True),
        sa.Column("below", Id(), nullable=True),
        sa.Column("channel", sa.String(length=32), nullable=False),
        sa.Column("person", sa.String(length=32), server_default="", nullable=False),
        sa.Column("made_at", Utc(), nullable=False),
        sa.Column("with_draft", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("ts", sa.String(length=32), nullable=True),
        sa.Column("posting", Utc(), nullable=True),
        sa.Column("rendered_version", sa.Integer(), server_default="0", nullable=False),
        sa.Column("body", Json(), nullable=True),
        sa.Column("due_at", Utc(), nullable=True),
        sa.Column("rank", Rank(), server_default="0", nullable=False),
        sa.Column("token", sa.String(length=32), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("last_error", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_messages_case_id")),
        sa.ForeignKeyConstraint(["below"], ["messages.id"], name=op.f("fk_messages_below")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_messages")),
        sa.UniqueConstraint("dedupe", name=op.f("uq_messages_dedupe")),
    )
    op.create_index("ix_messages_case_id", "messages", ["case_id"], unique=False)
    op.create_index("ix_messages_due_at", "messages", ["due_at"], unique=False)
    op.create_index("ix_messages_made_at", "messages", ["company", "made_at"], unique=False)
    op.create_table(
        "shown_to",
        sa.Column("case_id", Id(), nullable=False),
        sa.Column("person", sa.String(length=32), nullable=False),
        sa.Column("message", Id(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_shown_to_case_id")),
        sa.ForeignKeyConstraint(["message"], ["messages.id"], name=op.f("fk_shown_to_message")),
        sa.PrimaryKeyConstraint("case_id", "person", name=op.f("pk_shown_to")),
    )
    op.create_index("ix_shown_to_message", "shown_to", ["message"], unique=False)
    op.create_table(
        "decisions",
        sa.Column("id", Id(), autoincrement=True, nullable=False),
        sa.Column("case_id", Id(), nullable=False),
        sa.Column("assessment", Id(), nullable=True),
        sa.Column("draft", Id(), nullable=True),
        sa.Column("draft_sha256", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("actor", sa.String(length=40), nullable=False),
        sa.Column("at", Utc(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("comment", sa.Text(), server_default="", nullable=False),
        sa.Column("policy_sha256", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["assessment"], ["assessments.id"], name=op.f("fk_decisions_assessment")
        ),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_decisions_case_id")),
        sa.ForeignKeyConstraint(["draft"], ["drafts.id"], name=op.f("fk_decisions_draft")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_decisions")),
    )
    op.create_index("ix_decisions_case_id", "decisions", ["case_id"], unique=False)
    op.create_index("ix_decisions_at", "decisions", ["at"], unique=False)
    op.create_index("ix_decisions_draft", "decisions", ["draft"], unique=False)
    op.create_index(
        "uq_decisions_one_approval",
        "decisions",
        ["draft", "actor"],
        unique=True,
        sqlite_where=sa.text("kind = 'approve'"),
        postgresql_where=sa.text("kind = 'approve'"),
    )
    op.create_table(
        "notes",
        sa.Column("id", Id(), autoincrement=True, nullable=False),
        sa.Column("case_id", Id(), nullable=False),
        sa.Column("draft", Id(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("invoices", Json(), nullable=False),
        sa.Column("request_id", sa.String(length=50), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("attachable", sa.String(length=64), server_default="", nullable=False),
        sa.Column("detail", sa.Text(), server_default="", nullable=False),
        sa.Column("at", Utc(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_notes_case_id")),
        sa.ForeignKeyConstraint(["draft"], ["drafts.id"], name=op.f("fk_notes_draft")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notes")),
        sa.UniqueConstraint("case_id", name=op.f("uq_notes_case_id")),
    )
    op.create_table(
        "draft_copies",
        sa.Column("id", Id(), autoincrement=True, nullable=False),
        sa.Column("case_id", Id(), nullable=False),
        sa.Column("draft", Id(), nullable=False),
        sa.Column("person", sa.String(length=32), nullable=False),
        sa.Column("address", sa.String(length=320), server_default="", nullable=False),
        sa.Column("message_id", sa.String(length=200), server_default="", nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("asked_at", Utc(), nullable=False),
        sa.Column("ended_at", Utc(), nullable=True),
        sa.Column("due_at", Utc(), nullable=True),
        sa.Column("rank", Rank(), server_default="0", nullable=False),
        sa.Column("token", sa.String(length=32), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("last_error", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_draft_copies_case_id")),
        sa.ForeignKeyConstraint(["draft"], ["drafts.id"], name=op.f("fk_draft_copies_draft")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_draft_copies")),
        sa.UniqueConstraint("draft", "person", name=op.f("uq_draft_copies_draft_person")),
    )
    op.create_index("ix_draft_copies_due_at", "draft_copies", ["due_at"], unique=False)
    op.create_table(
        "sends",
        sa.Column("id", Id(), autoincrement=True, nullable=False),
        sa.Column("case_id", Id(), nullable=False),
        sa.Column("draft", Id(), nullable=False),
        sa.Column("token", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("message_id", sa.String(length=200), nullable=False),
        sa.Column("recipient", sa.String(length=320), nullable=False),
        sa.Column("bytes_sha256", sa.String(length=64), nullable=False),
        sa.Column("attachments", Json(), nullable=False),
        sa.Column("began_at", Utc(), nullable=False),
        sa.Column("ended_at", Utc(), nullable=True),
        sa.Column("bounced_at", Utc(), nullable=True),
        sa.Column("detail", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_sends_case_id")),
        sa.ForeignKeyConstraint(["draft"], ["drafts.id"], name=op.f("fk_sends_draft")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sends")),
    )
    op.create_index("ix_sends_case_id", "sends", ["case_id"], unique=False)
    op.create_index("ix_sends_message_id", "sends", ["message_id"], unique=False)
    op.create_index("ix_sends_recipient", "sends", ["recipient"], unique=False)
    op.create_index(
        "uq_sends_one_mail",
        "sends",
        ["case_id"],
        unique=True,
        sqlite_where=sa.text("state IN ('in_flight', 'sent', 'unknown')"),
        postgresql_where=sa.text("state IN ('in_flight', 'sent', 'unknown')"),
    )
    op.create_table(
        "unfiled_mails",
        sa.Column("send", Id(), nullable=False),
        sa.Column("message", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["send"], ["sends.id"], name=op.f("fk_unfiled_mails_send")),
        sa.PrimaryKeyConstraint("send", name=op.f("pk_unfiled_mails")),
    )
    op.create_table(
        "sent_cc",
        sa.Column("send", Id(), nullable=False),
        sa.Column("address", sa.String(length=320), nullable=False),
        sa.ForeignKeyConstraint(["send"], ["sends.id"], name=op.f("fk_sent_cc_send")),
        sa.PrimaryKeyConstraint("send", "address", name=op.f("pk_sent_cc")),
    )
    op.create_index("ix_sent_cc_address", "sent_cc", ["address"], unique=False)
    op.create_table(
        "replies",
        sa.Column("id", Id(), autoincrement=True, nullable=False),
        sa.Column("company", sa.String(length=64), nullable=False),
        sa.Column("customer", sa.String(length=64), nullable=False),
        sa.Column("document", sa.String(length=40), nullable=False),
        sa.Column("content_sha256", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("stances", Json(), nullable=False),
        sa.Column("case_id", Id(), nullable=True),
        sa.Column("came_at", Utc(), nullable=False),
        sa.Column("noticed_at", Utc(), nullable=False),
        sa.Column("promised_on", sa.Date(), nullable=True),
        sa.Column("promised", Amount(), nullable=True),
        sa.Column("settled", Json(), nullable=False),
        sa.Column("settled_by", sa.String(length=32), server_default="", nullable=False),
        sa.Column("settled_at", Utc(), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_replies_case_id")),
        sa.ForeignKeyConstraint(["company"], ["companies.realm"], name=op.f("fk_replies_company")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_replies")),
        sa.UniqueConstraint(
            "company", "customer", "document", name=op.f("uq_replies_company_customer_document")
        ),
    )
    op.create_table(
        "promises",
        sa.Column("id", Id(), autoincrement=True, nullable=False),
        sa.Column("company", sa.String(length=64), nullable=False),
        sa.Column("customer", sa.String(length=64), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("case_id", Id(), nullable=False),
        sa.Column("reply", Id(), nullable=True),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("set_by", sa.String(length=32), nullable=False),
        sa.Column("set_at", Utc(), nullable=False),
        sa.Column("ended_at", Utc(), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_promises_case_id")),
        sa.ForeignKeyConstraint(["company"], ["companies.realm"], name=op.f("fk_promises_company")),
        sa.ForeignKeyConstraint(["reply"], ["replies.id"], name=op.f("fk_promises_reply")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_promises")),
    )
    op.create_index("ix_promises_customer", "promises", ["company", "customer"], unique=False)
    op.create_table(
        "instalments",
        sa.Column("promise", Id(), nullable=False),
        sa.Column("due", sa.Date(), nullable=False),
        sa.Column("amount", Amount(), nullable=False),
        sa.ForeignKeyConstraint(["promise"], ["promises.id"], name=op.f("fk_instalments_promise")),
        sa.PrimaryKeyConstraint("promise", "due", name=op.f("pk_instalments")),
    )
    op.create_table(
        "promised_invoices",
        sa.Column("promise", Id(), nullable=False),
        sa.Column("company", sa.String(length=64), nullable=False),
        sa.Column("invoice", sa.String(length=64), nullable=False),
        sa.Column("open", Amount(), nullable=False),
        sa.Column("broken_round", sa.Integer(), nullable=True),
        sa.Column("raised_to", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["promise"], ["promises.id"], name=op.f("fk_promised_invoices_promise")
        ),
        sa.PrimaryKeyConstraint("promise", "invoice", name=op.f("pk_promised_invoices")),
    )
    op.create_index(
        "ix_promised_invoices_invoice", "promised_invoices", ["company", "invoice"], unique=False
    )
    op.create_table(
        "holds",
        sa.Column("id", Id(), autoincrement=True, nullable=False),
        sa.Column("company", sa.String(length=64), nullable=False),
        sa.Column("customer", sa.String(length=64), nullable=False),
        sa.Column("invoice", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("until", sa.Date(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("set_by", sa.String(length=32), nullable=False),
        sa.Column("set_at", Utc(), nullable=False),
        sa.Column("lifted_by", sa.String(length=32), nullable=True),
        sa.Column("lifted_at", Utc(), nullable=True),
        sa.Column("promise", Id(), nullable=True),
        sa.ForeignKeyConstraint(["company"], ["companies.realm"], name=op.f("fk_holds_company")),
        sa.ForeignKeyConstraint(["promise"], ["promises.id"], name=op.f("fk_holds_promise")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_holds")),
    )
    op.create_index("ix_holds_customer", "holds", ["company", "customer"], unique=False)
    guard_log()
    guard_assessments()
    guard_wordings()
