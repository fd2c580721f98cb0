"""Orders dishes from 08_deferred, and asks other things while they are not ready."""
import rpyc

from address import connect

conn = connect()
order = rpyc.async_(conn.root.order)
dishes = [order(dish) for dish in ("soup", "stones", "cake")]
print("waiting:", conn.root.waiting())
print("ready:", any(dish.ready for dish in dishes))
conn.root.cook()
for dish in dishes:
    try:
        print(dish.value)
    except LookupError as e:
        print(type(e).__name__, e.args[0])
conn.close()
