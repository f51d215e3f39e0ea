"""Companies for tests of the steps and of what people decide."""

from tests.jobs.fixtures import a_harness, home_url, only_harness, open_harness, shared

__all__ = ["a_harness", "home_url", "only_harness", "open_harness", "shared"]
