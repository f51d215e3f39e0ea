"""Usual delays and weekly outlooks, on both databases."""

from __future__ import annotations

from datetime import timedelta

from jobs.rules.facts.delays import Delay
from jobs.store.customers import forecasts
from jobs.store.database.engine import Database
from tests.jobs.store import record
from tests.jobs.store.record import NOW, REALM

WEEK = timedelta(weeks=1)
SLOW, QUICK, ALL = Delay(30, 20, 45, 5), Delay(-2, -3, 0, 9), Delay(6, 0, 12, 14)


def test_delays_are_replaced_as_a_whole(database: Database) -> None:
    """Whoever has no habit any more is forgotten; the company's own comes with every question."""
    record.company(database)
    with database.writing() as conn:
        forecasts.put_delays(conn, REALM, {"1": SLOW, "2": QUICK, forecasts.COMPANY: ALL})
        only = forecasts.usual_delays(conn, REALM, ["1"])
        assert only == {"1": SLOW, forecasts.COMPANY: ALL}
        forecasts.put_delays(conn, REALM, {"2": SLOW})
        assert forecasts.usual_delays(conn, REALM) == {"2": SLOW}


def test_a_week_keeps_how_it_began_and_its_latest_outlook(database: Database) -> None:
    """The next week is compared with the beginning; weeks that are over are dropped."""
    record.company(database)
    monday = NOW.date() - timedelta(NOW.weekday())
    with database.writing() as conn:
        for past in (15, 1):
            week = monday - past * WEEK
            forecasts.begin(conn, REALM, week, {"n": past}, [past], NOW)
        assert not forecasts.keep(conn, REALM, monday, {"n": 0}, NOW)
        forecasts.begin(conn, REALM, monday, {"n": 0}, [0], NOW)
        assert forecasts.keep(conn, REALM, monday, {"n": 9}, NOW + timedelta(hours=1))
        assert forecasts.latest(conn, REALM) == ({"n": 9}, NOW + timedelta(hours=1))
        assert forecasts.opening(conn, REALM, monday) == (monday - WEEK, [1])
        assert forecasts.opening(conn, REALM, monday + WEEK) == (monday, [0])
        assert forecasts.opening(conn, REALM, monday - WEEK) is None
