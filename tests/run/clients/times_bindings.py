"""Dates and times of a stock client as arguments of C++ and Go, and theirs here: times_bindings.py ADDRESS."""
import sys
from datetime import date, datetime, timedelta, timezone

import rpyc

checks = failures = 0


def check(good, text):
    global checks, failures
    checks += 1
    if not good:
        failures += 1
        print("not so: " + text, file=sys.stderr)


def raised(kind, call, *args):
    try:
        return "%r" % (call(*args),)
    except kind as error:
        return str(error.args[0])
    except Exception as error:
        return repr(error)


UTC = timezone.utc
EAST = timezone(timedelta(hours=5, minutes=30))
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICRO = timedelta(microseconds=1)

address = sys.argv[1].rsplit(":", 1)
conn = rpyc.connect("127.0.0.1", int(address[1]))
root = conn.root
moments = [EPOCH, datetime(2024, 2, 29, 12, 0, 0, 5, UTC), datetime(2024, 2, 29, 17, 30, tzinfo=EAST), datetime(1969, 12, 31, 23, 59, 59, 999999, UTC),
           datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, 999999, UTC)]
for moment in moments:
    stamp = (moment - EPOCH) // MICRO
    check(root.moment(moment) == stamp, "the moment %s" % moment)
    check(root.moment_named(value=moment) == stamp, "the moment %s by name" % moment)
    check(str(root.from_moment(stamp)) == str(moment.astimezone(UTC)), "%s from there: %s" % (moment, root.from_moment(stamp)))
    naive = moment.replace(tzinfo=None)
    check(root.moment(naive) == (naive - EPOCH.replace(tzinfo=None)) // MICRO, "a naive one is in UTC")
check(root.moments(moments) == len(moments) == root.moments(tuple(moments)), "moments in a list")
for span in [timedelta(0), timedelta(days=1, seconds=2, microseconds=3), timedelta(microseconds=-1), timedelta(days=-100000), timedelta(days=100000)]:
    check(root.span(span) == span // MICRO and root.span_named(value=span) == span // MICRO, "the span %r" % span)
    check(root.maybe_span(span) == span // MICRO, "the span %r, or none" % span)
    check(str(root.from_span(span // MICRO)) == str(span), "%s from there" % span)
check(root.span(1.5) == 1500000 == root.span_named(1.5) and root.span(2) == 2000000, "seconds")
check(root.maybe_span() == -1 and root.maybe_span(None) == -1, "no span")
for call in root.span, root.span_named, root.maybe_span:
    check("not str" in raised(TypeError, call, "1s"), "a text for a span: %s" % raised(TypeError, call, "1s"))
    check("date" in raised(TypeError, call, moments[0]), "a datetime for a span: %s" % raised(TypeError, call, moments[0]))
for call in root.moment, root.moment_named:
    check("must be date" in raised(TypeError, call, 5), "an int for a moment: %s" % raised(TypeError, call, 5))
    check("not datetime.date" in raised(TypeError, call, date(2024, 1, 1)), "a date for a moment: %s" % raised(TypeError, call, date(2024, 1, 1)))
check("datetime" in raised(OverflowError, root.from_moment, 253402300800000000), "too late: %s" % raised(OverflowError, root.from_moment, 253402300800000000))
check(str(root.day(date(2024, 2, 29)))[:10] == "2024-02-29" and str(root.day_named(date(2024, 2, 29))) == "2024-02-29", "a day")
check("not datetime.datetime" in raised(TypeError, root.day, moments[0]), "a datetime for a day: %s" % raised(TypeError, root.day, moments[0]))
meeting = root.Meeting(moments[1], timedelta(hours=1))
check(str(meeting.end()) == "2024-02-29 13:00:00.000005+00:00", "a constructor takes them")
check(str(root.Meeting(length=60, at=moments[1]).end()) == "2024-02-29 12:01:00.000005+00:00", "by name")
conn.close()
print("%d passed, %d failed" % (checks - failures, failures))
sys.exit(failures or not checks)
