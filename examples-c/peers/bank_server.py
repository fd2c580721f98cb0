"""Raises and catches, for 09_errors."""
import rpyc

from address import serve


class InsufficientFunds(Exception):
    def __init__(self, message, wanted, balance):
        super().__init__(message, wanted)
        self.balance = balance


InsufficientFunds.__module__ = "bank"


class BankService(rpyc.Service):
    def exposed_withdraw(self, amount):
        raise InsufficientFunds("not enough money", amount, balance=30)

    def exposed_read(self, path):
        with open(path) as file:
            return file.read()

    def exposed_attempt(self, func):
        """Calls func and tells what it raised."""
        try:
            return "nothing: %r" % (func(),)
        except FileNotFoundError:
            return "FileNotFoundError"
        except Exception as e:
            return "%s %r until %s" % (type(e).__name__, e.args, getattr(e, "until", None))


serve(BankService)
