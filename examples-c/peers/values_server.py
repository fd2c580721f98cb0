"""Describes what it gets, for 04_values."""
import rpyc

from address import serve


class ValuesService(rpyc.Service):
    def exposed_describe(self, value):
        return type(value).__name__, repr(value), value

    def exposed_total(self, numbers):
        """The sum of a list, or of the values of a dict. Both arrive as references: Python asks for each item."""
        if numbers.__class__ is dict:
            return sum(numbers[key] for key in numbers)
        return sum(numbers)


serve(ValuesService)
