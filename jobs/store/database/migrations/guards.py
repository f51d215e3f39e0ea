"""Triggers that refuse to change or delete what is on record for good, on both databases.

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


KEPT = (
    *("id", "case_id", "made_at", "sha256", "policy_sha256", "stage", "owner", "class"),
    *("confidence", "author", "model", "prompt", "failure", "reasons", "readings", "documents"),
    *("record", "facts"),
)
"""The columns of an assessment that stay when its words are deleted."""
WORDLESS = (
    "OLD.pruned_at IS NULL AND NEW.pruned_at IS NOT NULL AND NEW.summary = '' "
    "AND NEW.evidence = '[]' AND NEW.findings = '{}'"
)


def guard_assessments() -> None:
    """Put the guards on `assessments`: its words may be deleted once, and nothing else changes."""
    same = "IS" if _sqlite() else "IS NOT DISTINCT FROM"
    rest = " AND ".join(f'NEW."{name}" {same} OLD."{name}"' for name in KEPT)
    _guard("assessments", "an assessment never changes", f"{WORDLESS} AND {rest}")


def guard_wordings() -> None:
    """Put the guards on `wordings`: a text is only ever followed by another version."""
    _guard("wordings", "a version of a text never changes")


def _guard(table: str, refusal: str, allowed: str = "") -> None:
    """`allowed` is a condition on OLD and NEW under which a row may be updated."""
    if _sqlite():
        _guard_sqlite(table, refusal, allowed)
    else:
        _guard_postgresql(table, refusal, allowed)


def _sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"


def _guard_sqlite(table: str, refusal: str, allowed: str) -> None:
    unless = f"WHEN NOT ({allowed}) " if allowed else ""
    for verb, when in (("UPDATE", unless), ("DELETE", "")):
        op.execute(
            f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} {when}"
            f"BEGIN SELECT RAISE(ABORT, '{refusal}'); END"
        )


def _guard_postgresql(table: str, refusal: str, allowed: str) -> None:
    unless = f"IF {allowed} THEN RETURN NEW; END IF; " if allowed else ""
    op.execute(
        f"CREATE FUNCTION refuse_{table}_change() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN IF TG_OP = 'UPDATE' THEN {unless or 'NULL; '}END IF; "
        f"RAISE EXCEPTION '{refusal}'; END $$"
    )
    op.execute(
        f"CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE ON {table} "
        f"FOR EACH ROW EXECUTE FUNCTION refuse_{table}_change()"
    )
    op.execute(
        f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION refuse_{table}_change()"
    )
