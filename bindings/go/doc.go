// Package rpyc speaks RPyC, Python's transparent RPC, from Go: as a client of Python's servers, and as a server that
// Python's clients use without changes. The other side may be written in any language that has RPyC.
//
// A client:
//
//	conn, err := rpyc.Dial(ctx, "tcp://127.0.0.1:18861")
//	if err != nil {
//		return err
//	}
//	defer conn.Close()
//	sum, err := rpyc.Call[int64](ctx, conn.Root(), "add", 40, 2)
//
// A server:
//
//	type Calculator struct{}
//
//	func (*Calculator) Add(a, b int64) int64 { return a + b }
//
//	err := rpyc.NewServer(&Calculator{}).ListenAndServe(ctx, "tcp://127.0.0.1:18861")
//
// # Values
//
// Numbers, texts, bytes, tuples and the like travel by value. What has no value on the wire travels by reference: an
// object of the peer is an *Object, a pointer to a struct or a function of Go is an object of this side for the peer,
// and comes home as itself. Go slices and maps are lists and dicts for a Python peer, as snapshots; a LiveList and a
// LiveDict are shared with it, and a File is a stream. Where a result or an argument has a Go type such as []string or
// map[string]int, a list or dict of the peer is fetched for it.
//
// # Contexts
//
// The context of a request sets its deadline and can cancel it: the goroutine goes on at once, and an answer that
// comes late is dropped. The peer is not told, for RPyC has no message for that. A method that is served gets a context
// that ends with the connection. Between two peers of this library of which one has the option native on, requests say
// how long they are waited for, and the context of the method has that deadline.
//
// # Goroutines
//
// A connection has two goroutines. Whoever waits for an answer takes no thread, so thousands of goroutines can use one
// connection. Each call of the peer runs in a goroutine of its own, unless WithSerial is given.
//
// # Building
//
// The package needs librpyc and a C compiler; cgo finds the library by pkg-config under the name rpyc.
package rpyc
