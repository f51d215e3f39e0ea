"""Triggers that refuse to change or delete a row of the log or an assessment, on both databases.

Never batch-alter a table with such a trigger: the rebuilt table would lose it.
"""

from alembic import op


def guard_log() -> None:
    """Put the guards on `log`."""
    _guard("log", "the decision log is append-only")
    if _sqlite():
        # INSERT OR REPLACE would delete the old row without firing the other triggers
        op.execute(
            "CREATE TRIGGER log_no_replace BEFORE INSERT ON log "
            "WHEN EXISTS (SELECT 1 FROM log WHERE company = NEW.company AND seq = NEW.seq) "
            "BEGIN SELECT RAISE(ABORT, 'the decision log is append-only'); END"
        )


def guard_assessments() -> None:
    """Put the guards on `assessments`."""
    _guard("assessments", "an assessment never changes")


def _guard(table: str, refusal: str) -> None:
    if _sqlite():
        _guard_sqlite(table, refusal)
    else:
        _guard_postgresql(table, refusal)


def _sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"


def _guard_sqlite(table: str, refusal: str) -> None:
    for verb in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{refusal}'); END"
        )


def _guard_postgresql(table: str, refusal: str) -> None:
    op.execute(
        f"CREATE FUNCTION refuse_{table}_change() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{refusal}'; END $$"
    )
    op.execute(
        f"CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE ON {table} "
        f"FOR EACH ROW EXECUTE FUNCTION refuse_{table}_change()"
    )
    op.execute(
        f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION refuse_{table}_change()"
    )
