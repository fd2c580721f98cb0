"""Calls its subscriber from a thread of its own, for 10_poll_loop."""
import threading
import time

import rpyc

from address import serve


class TickerService(rpyc.Service):
    def exposed_subscribe(self, func, count):
        """Returns at once; afterwards calls func(1) to func(count)."""
        tick = rpyc.async_(func)

        def work():
            try:
                for number in range(1, count + 1):
                    time.sleep(0.05)
                    tick(number)
            except EOFError:
                pass  # the subscriber has gone

        threading.Thread(target=work, daemon=True).start()


serve(TickerService)
