"""client_server.py ADDRESS FILE: a stock server at a port or at the path of a socket, which is killed and started again.
Each number that it executes is in the file before it is answered. Prints "ready"."""
import os
import sys
import time

import rpyc
from rpyc.utils.server import ThreadedServer

log = os.open(sys.argv[2], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)


class BumpService(rpyc.Service):
    def exposed_bump(self, number):
        os.write(log, b"%d\n" % number)
        time.sleep(0.001)
        return number


where = {"hostname": "127.0.0.1", "port": int(sys.argv[1])} if sys.argv[1].isdigit() else {"socket_path": sys.argv[1]}
if "socket_path" in where and os.path.exists(sys.argv[1]):
    os.unlink(sys.argv[1])                           # of the one that was killed
server = ThreadedServer(BumpService, logger=None, **where)
server.listener.listen()                             # as start() will, which may come later than the client
print("ready", flush=True)
server.start()
