"""Companies in this process, for the checker itself."""

from tests.jobs.fixtures import a_harness, open_harness, shared

__all__ = ["a_harness", "open_harness", "shared"]
