"""Uses the vectors of 06_service_state with Python's own syntax."""
import time

from address import connect

first, second = connect(), connect()

v = first.root.vector(1, 2)
w = first.root.vector(10, y=20, z=30)
v[2] = 3
total = v + w
print("len:", len(total), "items:", total[0], total[-1])
print("iteration:", list(total))
total.label = "sum"
print("repr:", repr(total))
del total.label
print("label:", total.label)
for text, call in [("total[7]", lambda: total[7]), ("total + 1", lambda: total + 1)]:
    try:
        print(text, "=", call())
    except (IndexError, TypeError) as e:
        print(text, "raised", type(e).__name__)

for _ in range(5):
    first.root.calls()
print("calls of the first connection:", first.root.calls(), "and of the second:", second.root.calls())

del v, w, total
first.close()
for _ in range(500):  # until the server has seen it go
    if second.root.clients() == 1:
        break
    time.sleep(0.02)
print("clients now:", second.root.clients(), "calls:", [second.root.calls() for _ in range(4)][-1])
second.close()
