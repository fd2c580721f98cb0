"""Calls functions of its client, for 03_callbacks."""
import rpyc

from address import serve


class CallbacksService(rpyc.Service):
    def exposed_map(self, func, values):
        return tuple(func(value) for value in values)

    def exposed_download(self, report, parts):
        """Tells the progress, and goes one step too far."""
        try:
            for part in range(1, parts + 2):
                report("download", 100 * part // parts)
        except ValueError as e:
            return "Python caught ValueError: %s" % e.args[0]
        return "Python caught nothing"


serve(CallbacksService)
