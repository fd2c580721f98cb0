"""The calculator for 01_client and 11_threads: the same service as 02_server, in Python."""
import rpyc

from address import serve


class CalculatorService(rpyc.Service):
    def exposed_add(self, a, b):
        """The sum of two integers."""
        return a + b

    def exposed_power(self, base, exponent=2):
        """base multiplied by itself exponent times."""
        return base ** exponent

    def exposed_divide(self, a, b):
        """The quotient of two numbers."""
        if b == 0:
            raise ZeroDivisionError("cannot divide by zero")
        return a / b

    def exposed_apply(self, func, value):
        """Calls func, which may be a function of the caller, with value."""
        return func(value)


serve(CalculatorService)
