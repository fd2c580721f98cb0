"""Dates and times, in the order in which c_border/times.c makes them too."""
from datetime import date, datetime, time, timedelta, timezone

EAST = timezone(timedelta(hours=5, minutes=30))
WEST = timezone(-timedelta(hours=3, microseconds=1))

THINGS = [
    date(2026, 11, 30),
    date(1, 1, 1),
    date(9999, 12, 31),
    time(0, 0),
    time(23, 59, 58, 999999),
    time(1, 30, fold=1),
    time(12, 0, 5, tzinfo=EAST),
    datetime(2026, 11, 30, 15, 30, 10, 5),
    datetime(2026, 10, 25, 2, 30, fold=1),
    datetime(1, 1, 1, 0, 0),
    datetime(9999, 12, 31, 23, 59, 59, 999999),
    datetime(2024, 2, 29, 12, 0, tzinfo=timezone.utc),
    datetime(2024, 2, 29, 17, 30, tzinfo=EAST),
    datetime(2024, 2, 29, 9, 0, 0, 1, tzinfo=WEST),
    timedelta(0),
    timedelta(days=1, seconds=2, microseconds=3),
    timedelta(microseconds=-1),
    timedelta(days=999999999, seconds=86399, microseconds=999999),
    timedelta(days=-999999999),
    timezone.utc,
    EAST,
    WEST,
]
