"""Houses for tests of the steps and of what people decide."""

from tests.jobs.houses import a_house, home_url, neighbours, open_house

__all__ = ["a_house", "home_url", "neighbours", "open_house"]
