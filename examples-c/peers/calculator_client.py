"""Uses 02_server, a calculator in C, as it would any other RPyC service."""
from address import connect

conn = connect()
calculator = conn.root

print("add(40, 2) =", calculator.add(40, 2))
print("add(b=1, a=2) =", calculator.add(b=1, a=2))
print("power(3) =", calculator.power(3))
print("power(2, exponent=10) =", calculator.power(2, exponent=10))
print("apply(lambda, 20) =", calculator.apply(lambda x: x + 1, 20))
print("doc of add:", calculator.add.__doc__)
print("in dir:", [name for name in ("exposed_add", "exposed_subtract") if name in dir(calculator)])

for text, call in [
    ("divide(1, 0)", lambda: calculator.divide(1, 0)),
    ("add(1)", lambda: calculator.add(1)),
    ("add(1, 'two')", lambda: calculator.add(1, "two")),
    ("apply(a function that raises, 1)", lambda: calculator.apply(lambda x: {}["missing"], 1)),
]:
    try:
        print(text, "=", call())
    except (ZeroDivisionError, TypeError, KeyError) as e:
        print(text, "raised", type(e).__name__)

conn.close()
