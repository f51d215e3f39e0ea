"""The shape of the code: imports point one way. See "How it is built" in the README."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = {"qbo": {"qbo"}, "jobs": {"jobs", "qbo"}, "bot": {"bot", "jobs", "qbo"}}

STEPS = {"detect", "poll", "sweep", "triage", "send", "write_back"}
"""Modules of `jobs` that are run from the queue; none knows another."""

STARTERS = {"pipeline", "schedule", "decide"}
"""What sets steps going: the queue, the clock, and people."""

KITS = {"store", "reasoning", "sources", "mail"}
"""Packages of `jobs` that stand on the rules and beside each other."""

ONLY_IN = {
    "openai": {"jobs/reasoning/model.py"},
    "httpx2": {"jobs/reasoning/model.py"},
    "smtplib": {"jobs/mail/smtp.py"},
    "alembic": {"jobs/store"},
    "httpx": {"qbo", "jobs/mail", "jobs/sources", "bot"},
    "sqlalchemy": {"jobs", "bot"},
    "slack_sdk": {"bot"},
    "slack_bolt": {"bot"},
    "starlette": {"bot"},
    "uvicorn": {"bot"},
    "click": {"bot"},
    "pydantic_settings": {"jobs/settings.py"},
}
"""Libraries with a place of their own."""

WORLDLY = {
    *("sqlalchemy", "httpx", "httpx2", "openai", "redis", "rq", "slack_sdk", "slack_bolt"),
    *("starlette", "socket", "smtplib", "imaplib", "urllib.request", "http.client", "subprocess"),
    *("threading", "asyncio", "time", "random", "secrets", "os", "structlog"),
}
"""What a pure function has no use for."""

CLOCKS = {"now", "utcnow", "today", "time", "time_ns"}
ENTRY_POINTS = {"bot/cli/main.py", "bot/listeners/app.py", "bot/web/server.py", "qbo/pacing.py"}
"""They read the clock; `now` is an argument everywhere below them."""


def files(package: str) -> list[str]:
    """The paths of a package's modules."""
    return sorted(str(path.relative_to(ROOT)) for path in (ROOT / package).rglob("*.py"))


ALL = [file for package in PACKAGES for file in files(package)]


@cache
def tree(file: str) -> ast.Module:
    """A module, parsed."""
    return ast.parse((ROOT / file).read_text(encoding="utf-8"), file)


@cache
def imports(file: str) -> frozenset[str]:
    """The dotted names that a module imports, wherever in it; `from a import b` gives a and a.b."""
    return frozenset(name for node in ast.walk(tree(file)) for name in _imported(node))


def _imported(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        assert node.level == 0, "imports are absolute here"
        yield node.module or ""
        yield from (f"{node.module}.{alias.name}" for alias in node.names)


def top(name: str) -> str:
    """The package of a dotted name."""
    return name.partition(".")[0]


def part(name: str) -> str:
    """Which part of `jobs` a dotted name lies in: "rules", "send"; "" for none."""
    return name.split(".")[1] if name.startswith("jobs.") else ""


def module(file: str) -> str:
    """The dotted name of a file."""
    return file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


@pytest.mark.parametrize("package", PACKAGES)
def test_packages_import_one_way(package: str) -> None:
    """bot → jobs → qbo, and nobody imports the tests."""
    ours = {*PACKAGES, "tests"}
    wrong = {
        f"{file}: {name}"
        for file in files(package)
        for name in imports(file)
        if top(name) in ours - PACKAGES[package]
    }
    assert not wrong


def test_rules_import_only_rules() -> None:
    """The rules are pure: no other part of ours, and nothing that talks to the world."""
    wrong = {
        f"{file}: {name}"
        for file in files("jobs/rules")
        for name in imports(file)
        if (top(name) in PACKAGES and part(name) != "rules" and name != "jobs")
        or name in WORLDLY
        or top(name) in WORLDLY
    }
    assert not wrong


@pytest.mark.parametrize("kit", sorted(KITS))
def test_kits_stand_on_the_rules(kit: str) -> None:
    """Record, model, sources and mail know the rules and themselves, not each other."""
    wrong = {
        f"{file}: {name}"
        for file in files(f"jobs/{kit}")
        for name in imports(file)
        if part(name) not in {"", kit, "rules"}
    }
    assert not wrong


@pytest.mark.parametrize("step", sorted(STEPS))
def test_no_step_imports_another(step: str) -> None:
    """Steps meet in the database only, so each can be killed, run again and understood alone."""
    wrong = {
        f"{file}: {name}"
        for file in [*files(f"jobs/{step}"), f"jobs/{step}.py"]
        if (ROOT / file).exists()
        for name in imports(file)
        if part(name) in (STEPS | STARTERS) - {step}
    }
    assert not wrong


def test_what_steps_stand_on_does_not_know_them() -> None:
    """Everything in jobs lies below the steps, but for what sets them going."""
    above = STARTERS | STEPS
    wrong = {
        f"{file}: {name}"
        for file in files("jobs")
        if part(module(file)) not in above
        for name in imports(file)
        if part(name) in STEPS
    }
    assert not wrong


@pytest.mark.parametrize("library", ONLY_IN)
def test_libraries_have_a_place(library: str) -> None:
    """What talks to one outside system is imported where that is its job."""
    wrong = {
        file
        for file in ALL
        if library in {top(name) for name in imports(file)}
        and not any(file == place or file.startswith(f"{place}/") for place in ONLY_IN[library])
    }
    assert not wrong


def test_only_entry_points_read_the_clock() -> None:
    """`now` is an argument everywhere else, so that any day can be tried in a test."""
    wrong = {
        f"{file}:{node.lineno}"
        for file in ALL
        if file not in ENTRY_POINTS
        for node in ast.walk(tree(file))
        if isinstance(node, ast.Call) and _reads_the_clock(node.func)
    }
    assert not wrong


def _reads_the_clock(called: ast.expr) -> bool:
    return (
        isinstance(called, ast.Attribute)
        and called.attr in CLOCKS
        and isinstance(called.value, ast.Name)
        and called.value.id in {"datetime", "date", "time"}
    )


def test_nothing_is_read_at_import() -> None:
    """Importing a module reads no environment: settings come as arguments."""
    wrong = {
        f"{file}:{node.lineno}"
        for file in ALL
        for node in tree(file).body
        for inner in ast.walk(node)
        if not isinstance(node, ast.FunctionDef | ast.ClassDef)
        and isinstance(inner, ast.Attribute)
        and inner.attr in {"environ", "getenv"}
    }
    assert not wrong
