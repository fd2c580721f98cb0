#!/usr/bin/env python3
"""SQL over CSV files for programs that have neither: Python's csv and sqlite3 behind a stock RPyC server.

    sql_server.py [PORT]        on 127.0.0.1; the first line says where
"""
import csv
import sqlite3
import sys

import rpyc
from rpyc.utils.server import ThreadedServer


def number(text):
    """The text as int or float where it is one."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            pass
    return text


class SqlService(rpyc.Service):
    """One database in memory for each connection."""

    def on_connect(self, conn):
        self.db = sqlite3.connect(":memory:")

    def on_disconnect(self, conn):
        self.db.close()

    def exposed_load(self, path, table, progress=None):
        """Reads a CSV file into a new table; progress(rows) is called now and then. Returns the number of rows."""
        with open(path, newline="", encoding="utf-8") as file:
            rows = csv.reader(file)
            names = next(rows)
            self.db.execute("CREATE TABLE %s (%s)" % (quoted(table), ", ".join(map(quoted, names))))
            insert = "INSERT INTO %s VALUES (%s)" % (quoted(table), ", ".join("?" * len(names)))
            count = 0
            for row in rows:
                self.db.execute(insert, [number(text) for text in row])
                count += 1
                if progress is not None and count % 50 == 0:
                    progress(count)
        return count

    def exposed_define(self, name, arity, func):
        """Makes func, which may be a function of the caller, a function of SQL."""
        self.db.create_function(name, arity, lambda *args: func(*args))

    def exposed_query(self, sql, *values):
        """The names of the columns, and an iterator over the rows, each a tuple."""
        cursor = self.db.execute(sql, values)
        return tuple(column[0] for column in cursor.description), cursor


def quoted(name):
    return '"%s"' % name.replace('"', '""')


def main():
    server = ThreadedServer(SqlService, hostname="127.0.0.1", port=int(sys.argv[1]) if len(sys.argv) > 1 else 18862)
    server._listen()
    print("listening tcp://127.0.0.1:%d" % server.port, flush=True)
    server.start()


main()
