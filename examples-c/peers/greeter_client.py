"""Is greeted by 17_stop_signal, and leaves its connection open when the server is stopped."""
from address import connect

conn = connect()
for name in ("you", "me", "everybody"):
    print(*conn.root.greet(name))
print("asked:", conn.root.ask(lambda number, text: number + len(text)))
