#!/usr/bin/env python3
"""The server of the interop contract with RPyC's pool of threads: pooled_server.py PEER_SERVER [options of it]."""
import runpy
import sys

from rpyc.utils import server

server.ThreadedServer = server.ThreadPoolServer
del sys.argv[0]
runpy.run_path(sys.argv[0], run_name="__main__")
