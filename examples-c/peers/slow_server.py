"""Takes its time, for 07_async and 21_ctrl_c."""
import time

import rpyc

from address import serve


class SlowService(rpyc.Service):
    def exposed_slow_square(self, seconds, x):
        time.sleep(seconds)
        if x == 13:
            raise ValueError("bad luck")
        return x * x


serve(SlowService)
