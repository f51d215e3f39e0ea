"""Houses for tests of the steps and the connect_links."""

from tests.jobs.houses import a_house, home_url, neighbours, open_house

__all__ = ["a_house", "home_url", "neighbours", "open_house"]
