"""The exported names of the package match its modules."""

import ast
import inspect
from types import ModuleType

import pytest

import qbo
from qbo import answers, client, errors, models, oauth, pacing, query, webhooks

INTERNAL = {"Record", "Meaning", "Patience"}  # grounds that others stand on


@pytest.mark.parametrize(
    "module", [answers, client, errors, models, oauth, pacing, query, webhooks]
)
def test_every_public_class_is_exported(module: ModuleType) -> None:
    """Whoever uses the package never needs to know its files."""
    made_here = {
        name
        for name, thing in inspect.getmembers(module, inspect.isclass)
        if thing.__module__ == module.__name__ and not name.startswith("_")
    }
    assert made_here - INTERNAL <= set(qbo.__all__)


def test_every_exported_name_exists_and_is_listed_in_order() -> None:
    """The list is true, and easy to read."""
    assert all(hasattr(qbo, name) for name in qbo.__all__)
    assert len(set(qbo.__all__)) == len(qbo.__all__)


@pytest.mark.parametrize(
    "module", [answers, client, errors, models, oauth, pacing, query, webhooks]
)
def test_the_package_knows_nothing_of_its_users(module: ModuleType) -> None:
    """No environment, no database, no work, no Slack."""
    imported = {
        name.split(".")[0]
        for node in ast.walk(ast.parse(inspect.getsource(module)))
        for name in _names(node)
    }
    assert not imported & {"os", "dotenv", "sqlalchemy", "jobs", "bot", "slack_sdk", "logging"}


def _names(node: ast.AST) -> list[str]:
    if isinstance(node, ast.ImportFrom):
        return [node.module or ""]
    return [alias.name for alias in node.names] if isinstance(node, ast.Import) else []


def test_the_tree_of_errors_is_drawn_in_full() -> None:
    """Each error stands in the drawing at the head of its module."""
    kinds = {
        name
        for name, thing in inspect.getmembers(errors, inspect.isclass)
        if issubclass(thing, errors.QuickBooksError)
    }
    assert all(name in (errors.__doc__ or "") for name in kinds)
