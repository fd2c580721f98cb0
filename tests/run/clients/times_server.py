"""A stock server with dates and times: times_server.py [OPTION=VALUE...]; prints its port.

What a client copies of each is compared with what it is here."""
import sys
from datetime import date, datetime, time, timedelta, timezone
from zoneinfo import ZoneInfo

import rpyc
from rpyc.utils.server import ThreadedServer

from time_things import THINGS

# What is copied with less than it has, and what the copy is.
OTHERS = [
    (datetime(2026, 7, 1, 12, 0, tzinfo=ZoneInfo("Europe/Berlin")),
     datetime(2026, 7, 1, 12, 0, tzinfo=timezone(timedelta(hours=2)))),
    (datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=ZoneInfo("Europe/Berlin")),
     datetime(2026, 10, 25, 2, 30, tzinfo=timezone(timedelta(hours=1)))),
    (time(12, 0, tzinfo=ZoneInfo("Europe/Berlin")), time(12, 0)),
    (datetime(2026, 1, 2, tzinfo=timezone(timedelta(hours=1), "CET")), datetime(2026, 1, 2, tzinfo=timezone(timedelta(hours=1)))),
]


class Later(datetime):
    pass


class Times(rpyc.Service):
    taken = None

    def exposed_count(self):
        return len(THINGS) + len(OTHERS)

    def exposed_thing(self, index):
        return (THINGS + [one for one, _ in OTHERS])[index]

    def exposed_copy(self, index):
        """What a copy of it is."""
        return repr((THINGS + [copy for _, copy in OTHERS])[index])

    def exposed_all(self):
        """Each twice, deep in containers."""
        return [{"things": [tuple(THINGS), THINGS]}]

    def exposed_all_repr(self):
        return repr(self.exposed_all())

    def exposed_subclass(self):
        return Later(2026, 1, 1)

    def exposed_no_time(self, name):
        """An object that says that it is of such a type, and is not."""
        return type(name, (), {"__module__": "datetime", "__str__": lambda self: "soon", "__repr__": lambda self: "soon"})()

    def exposed_take(self, value):
        """What an argument is, as a client's default rules allow."""
        return "%s %s" % (getattr(value, "____id_pack__", (type(value).__name__,))[0].rsplit(".", 1)[-1], value)

    def exposed_zone(self):
        return ZoneInfo("Europe/Berlin")


if __name__ == "__main__":
    config = {name: value == "true" for name, value in (option.split("=") for option in sys.argv[1:])}
    server = ThreadedServer(Times, hostname="127.0.0.1", port=0, protocol_config=config)
    server.listener.listen()
    print("PORT %d" % server.port, flush=True)
    server.start()
