// Package rpyc provides RPyC, Python's transparent RPC, for Go: clients of Python servers, and servers that Python
// clients use without changes. The peer may be written in any language that has RPyC.
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
// Numbers, strings, bytes, tuples and other plain data are passed by value. All else is passed by reference: an object
// of the peer is an *Object; a pointer to a struct or a Go function is a local object for the peer, and is the same
// pointer or function when the peer sends it back. Go slices and maps become lists and dicts for a Python peer, as
// snapshots. A LiveList or LiveDict is shared with the peer, and a File is a stream. If a result or an argument has a
// Go type such as []string or map[string]int, the items of the peer's list or dict are fetched.
//
// # Contexts
//
// The context of a request sets its deadline and can cancel it: the call returns at once, and a late reply is dropped.
// The peer is not notified, because RPyC has no message for it. The context of a served method ends with the
// connection. Between two peers of this library, if one of them has the option native on, requests carry their
// remaining time, and the context of the method has that deadline.
//
// # Goroutines
//
// A connection has two goroutines. Waiting for a reply uses no thread, so thousands of goroutines can use one
// connection. Each call of the peer runs in a goroutine of its own, unless WithSerial is set.
//
// # Building
//
// The package requires librpyc and a C compiler. cgo finds the library by pkg-config under the name rpyc.
package rpyc
