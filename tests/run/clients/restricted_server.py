"""A stock server with a restricted object, and the object itself: restricted_server.py; prints its port."""
import rpyc
from rpyc.utils.server import ThreadedServer


class Player:
    volume, serial = 3, 7

    def play(self):
        return "playing"

    def erase(self):
        return "erased"


class Players(rpyc.Service):
    def exposed_view(self):
        return rpyc.restricted(Player(), {"volume", "play", "serial"}, {"volume"})

    def exposed_player(self):
        return Player()


server = ThreadedServer(Players, hostname="127.0.0.1", port=0,
                        protocol_config={"allow_public_attrs": True, "allow_setattr": True})
server.listener.listen()  # as start() will, which may come later than the client
print("PORT %d" % server.port, flush=True)
server.start()
