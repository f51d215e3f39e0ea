"""A strict QuickBooks Online over HTTP, for the sandbox and the tests."""

from tests.sandbox.quickbooks.service import QuickBooks

__all__ = ["QuickBooks"]
