"""A stock client behind TLS: tls_client.py PORT CA [CERT KEY]."""
import sys

import rpyc

port, ca = int(sys.argv[1]), sys.argv[2]
options = {"ca_certs": ca}
if len(sys.argv) > 3:
    options.update(certfile=sys.argv[3], keyfile=sys.argv[4])
conn = rpyc.ssl_connect("localhost", port, config={"sync_request_timeout": 20}, **options)
# With session tickets of TLS 1.3 this would wait for a message.
assert not conn.poll(0)
assert conn.root.add(40, 2) == 42
if len(sys.argv) > 3 or hasattr(conn.root, "echo"):
    data = bytes(range(256)) * 4096
    assert conn.root.echo(data) == data
    assert [conn.root.add(i, i) for i in range(50)] == [2 * i for i in range(50)]
    assert conn.root.apply(lambda a: a + 1, 6) == 7
    late = [rpyc.async_(conn.root.add)(i, 1) for i in range(50)]
    assert [result.value for result in late] == list(range(1, 51))
conn.close()
print("good")
