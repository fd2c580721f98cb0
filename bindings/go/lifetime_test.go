package rpyc_test

import (
	"context"
	"errors"
	"net"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"rpyc"
)

// Kept is a service that keeps the values that it receives.
type Kept struct {
	open    atomic.Int32
	given   chan *rpyc.Object
	release chan struct{}
}

func newKept() *Kept { return &Kept{given: make(chan *rpyc.Object, 10), release: make(chan struct{})} }

func (k *Kept) OnConnect(*rpyc.Conn) error  { k.open.Add(1); return nil }
func (k *Kept) OnDisconnect(*rpyc.Conn)     { k.open.Add(-1) }
func (k *Kept) Book(title string) *Book     { return &Book{title, 3} }
func (k *Kept) Books() (a, b *Book)         { return &Book{"left", 1}, &Book{"right", 2} }
func (k *Kept) Subscribe(call *rpyc.Object) { k.given <- call }
func (k *Kept) Echo(value any) any          { return value }
func (k *Kept) Fail() error                 { return errors.New("failed") }
func (k *Kept) Slow(text string) string     { <-k.release; return text }
func (k *Kept) Call(call *rpyc.Object, ctx int) error {
	_, err := call.Call(context.Background(), &Book{"lent", 1})
	return err
}

// eventually runs the garbage collector until a condition is true.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		runtime.GC()
		if holds() {
			return
		}
	}
	t.Fatal(what)
}

func collect() {
	for i := 0; i < 5; i++ {
		runtime.GC()
		time.Sleep(2 * time.Millisecond)
	}
}

// A result keeps its connection open, even if nothing else refers to it.
func TestResultsKeepTheirConnection(t *testing.T) {
	service := newKept()
	addr, _ := serve(t, service)
	ctx := within(t)
	gone := func() bool { return service.open.Load() == 0 }
	open := func() *rpyc.Conn {
		conn, err := rpyc.Dial(ctx, addr)
		if err != nil {
			t.Fatal(err)
		}
		return conn
	}
	for name, use := range map[string]func() func(){
		"root": func() func() {
			root := open().Root()
			return func() {
				_, err := rpyc.Call[string](ctx, root, "echo", "x")
				equal(t, err, error(nil))
			}
		},
		"result": func() func() {
			book, err := rpyc.Call[*rpyc.Object](ctx, open().Root(), "book", "a")
			equal(t, err, error(nil))
			return func() {
				title, err := rpyc.Call[string](ctx, book, "title")
				equal(t, []any{title, err}, []any{"a", nil})
			}
		},
		"result in a tuple": func() func() {
			books, err := rpyc.Call[[]*rpyc.Object](ctx, open().Root(), "books")
			equal(t, err, error(nil))
			right := books[1]
			return func() {
				title, err := rpyc.Call[string](ctx, right, "title")
				equal(t, []any{title, err}, []any{"right", nil})
			}
		},
		"function": func() func() {
			book, err := rpyc.Call[*rpyc.Object](ctx, open().Root(), "book", "a")
			equal(t, err, error(nil))
			title, err := rpyc.Get[func() (string, error)](ctx, book, "title")
			equal(t, err, error(nil))
			return func() {
				text, err := title()
				equal(t, []any{text, err}, []any{"a", nil})
			}
		},
		"future": func() func() {
			slow := rpyc.Async[string](ctx, open().Root(), "slow", "late")
			return func() {
				service.release <- struct{}{}
				text, err := slow.Result()
				equal(t, []any{text, err}, []any{"late", nil})
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			again := use()
			collect()
			equal(t, service.open.Load(), int32(1))
			again()
			again = nil
			eventually(t, "the connection stays open", gone)
		})
	}
}

// Objects that a peer passes to a callback do not keep a client's connection open.
func TestArgumentsKeepNothing(t *testing.T) {
	service := newKept()
	addr, _ := serve(t, service)
	ctx := within(t)
	var lent *rpyc.Object
	func() {
		conn, err := rpyc.Dial(ctx, addr)
		equal(t, err, error(nil))
		_, err = conn.Root().CallMethod(ctx, "call", func(book *rpyc.Object) { lent = book }, 0)
		equal(t, err, error(nil))
		title, err := rpyc.Call[string](ctx, lent, "title")
		equal(t, []any{title, err}, []any{"lent", nil})
	}()
	eventually(t, "the connection stays open", func() bool { return service.open.Load() == 0 })
	_, err := lent.Call(ctx)
	if !errors.Is(err, rpyc.ErrClosed) {
		t.Fatal(err)
	}
}

// A function that refers to the root and was sent over its connection keeps both, until Close or until the peer ends
// it.
func TestSubscriptionsEndWithTheirConnection(t *testing.T) {
	for name, byPeer := range map[string]bool{"Close": false, "the peer's end": true} {
		t.Run(name, func(t *testing.T) {
			before := runtime.NumGoroutine()
			service := newKept()
			addr, stop := serve(t, service)
			ctx := within(t)
			var freed atomic.Bool
			func() {
				conn, err := rpyc.Dial(ctx, addr)
				equal(t, err, error(nil))
				root, marker := conn.Root(), &Book{"marker", 1}
				runtime.SetFinalizer(marker, func(*Book) { freed.Store(true) })
				_, err = root.CallMethod(ctx, "subscribe", func() (any, error) {
					return root.CallMethod(ctx, "echo", marker.Title())
				})
				equal(t, err, error(nil))
				echo, err := (<-service.given).Call(ctx)
				equal(t, []any{echo, err}, []any{"marker", nil})
				if byPeer {
					stop()
					<-conn.Done()
				} else {
					conn.Close()
				}
			}()
			eventually(t, "what the function holds is not freed", freed.Load)
			stop()
			eventually(t, "goroutines are left", func() bool { return runtime.NumGoroutine() <= before+2 })
		})
	}
}

// A goroutine that waits for the end of a connection, or for a reply, keeps it open; so does the Conn of a result.
func TestWaitingKeepsTheConnection(t *testing.T) {
	service := newKept()
	addr, _ := serve(t, service)
	ctx := within(t)
	dialled := func() *rpyc.Conn {
		conn, err := rpyc.Dial(ctx, addr)
		equal(t, err, error(nil))
		return conn
	}
	all := []*rpyc.Conn{}
	func() {
		book, err := rpyc.Call[*rpyc.Object](ctx, dialled().Root(), "book", "a")
		equal(t, err, error(nil))
		all = append(all, dialled().Root().Conn(), book.Conn())
	}()
	ended := dialled().Done()
	collect()
	equal(t, service.open.Load(), int32(3))
	for _, conn := range all {
		equal(t, conn.Ping(ctx), error(nil))
	}
	runtime.KeepAlive(all)
	all = nil
	eventually(t, "connections stay open", func() bool { return service.open.Load() == 1 })
	select {
	case <-ended:
		t.Error("the connection that is waited for has ended")
	default:
	}
}

// gated is a stream that delivers nothing while the gate is shut, and counts writes.
type gated struct {
	net.Conn
	gate   sync.RWMutex
	writes atomic.Int64
}

func (g *gated) Read(buf []byte) (int, error) {
	n, err := g.Conn.Read(buf)
	g.gate.RLock()
	defer g.gate.RUnlock()
	return n, err
}

func (g *gated) Write(data []byte) (int, error) {
	g.writes.Add(1)
	return g.Conn.Write(data)
}

func TestRequestsKeepTheirConnection(t *testing.T) {
	for name, ask := range map[string]func(context.Context, *rpyc.Conn) error{
		"Ping": func(ctx context.Context, conn *rpyc.Conn) error { return conn.Ping(ctx) },
		"Request": func(ctx context.Context, conn *rpyc.Conn) error {
			return second(conn.Request(ctx, 1, "a ping"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			ctx := within(t)
			left, right := net.Pipe()
			server, stream := rpyc.NewServer(newKept()), &gated{Conn: left}
			go server.ServeConn(right)
			said := make(chan error)
			var before int64
			func() {
				conn, err := rpyc.NewConn(ctx, stream)
				equal(t, err, error(nil))
				stream.gate.Lock()
				before = stream.writes.Load()
				go func() { said <- ask(ctx, conn) }()
			}()
			eventually(t, "nothing is asked", func() bool { return stream.writes.Load() > before })
			collect()
			time.Sleep(20 * time.Millisecond)
			equal(t, stream.writes.Load(), before+1) // and CLOSE was not sent
			stream.gate.Unlock()
			equal(t, <-said, error(nil))
		})
	}
}

// ---------------------------------------------------------------- errors in descriptions

type wrongHook struct{}

func (*wrongHook) OnConnect(context.Context, *rpyc.Conn) {}

type wrongGetter struct{}

func (*wrongGetter) GetAttrRPyC(name string) any { return name }

type hiddenHook struct{}

func (*hiddenHook) OnConnect(int)              {}
func (*hiddenHook) DescribeRPyC(c *rpyc.Class) { c.Hide("OnConnect") }

type twoMethods struct{}

func (*twoMethods) DescribeRPyC(c *rpyc.Class) {
	c.Method("add(a)", func(_ *twoMethods, a int) int { return a })
	c.Method("add(a, b)", func(_ *twoMethods, a, b int) int { return a + b })
}

type methodAndProperty struct{}

func (*methodAndProperty) DescribeRPyC(c *rpyc.Class) {
	c.Method("size()", func(*methodAndProperty) int { return 1 })
	c.Property("size", func(*methodAndProperty) int { return 1 }, nil, nil)
}

type sameInPython struct{}

func (*sameInPython) GetURL() int { return 1 }
func (*sameInPython) GetUrl() int { return 2 }

type hidesNothing struct{}

func (*hidesNothing) DescribeRPyC(c *rpyc.Class) { c.Hide("Secert") }
func (*hidesNothing) Secret() int                { return 1 }

type twoConstructors struct{}

func (*twoConstructors) DescribeRPyC(c *rpyc.Class) {
	c.Constructor("T()", func() *twoConstructors { return nil })
	c.Constructor("T(a)", func(int) *twoConstructors { return nil })
}

type nothingToUse struct{}

func (*nothingToUse) DescribeRPyC(c *rpyc.Class) { c.Property("size", nil, nil, nil) }

type twoNames struct{}

func (*twoNames) DescribeRPyC(c *rpyc.Class) { c.Aliases("ONE", "OTHER", "ONE") }

func TestMistakesOfDescriptionsAreErrors(t *testing.T) {
	for _, c := range []struct {
		service any
		want    string
	}{
		{&wrongHook{}, "OnConnect: expected func(*rpyc.Conn) error, got func(context.Context, *rpyc.Conn)"},
		{&wrongGetter{}, "GetAttrRPyC: expected func(context.Context, string) (interface {}, error), got func(string) interface {}"},
		{&twoMethods{}, `two members are named "exposed_add"`},
		{&methodAndProperty{}, `two members are named "exposed_size"`},
		{&sameInPython{}, `the methods GetURL and GetUrl would both be "exposed_get_url"`},
		{&hidesNothing{}, "has no method Secert to hide"},
		{&twoConstructors{}, "two constructors"},
		{&nothingToUse{}, `the property "size" can be neither read nor set nor deleted`},
		{&twoNames{}, `the alias "ONE" is given twice`},
		{func() any { return nil }, "service: expected a pointer to a struct or a func(*rpyc.Conn) (any, error), got a func() interface {}"},
		{func(context.Context, *rpyc.Conn) (any, error) { return nil, nil }, "got a func(context.Context, *rpyc.Conn) (interface {}, error)"},
	} {
		err := rpyc.NewServer(c.service).ListenAndServe(within(t), "tcp://127.0.0.1:0")
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%T: got %v, want %s", c.service, err, c.want)
		}
	}
	if _, err := rpyc.ClassOf(&hiddenHook{}); err != nil {
		t.Error(err)
	}
}

// ---------------------------------------------------------------- names

// Row has columns that are only known at run time.
type Row struct{ columns map[string]int }

func (r *Row) HasAttrRPyC(_ context.Context, name string) bool {
	_, has := r.columns[strings.TrimPrefix(name, "exposed_")]
	return has
}
func (r *Row) GetAttrRPyC(_ context.Context, name string) (any, error) {
	return r.columns[strings.TrimPrefix(name, "exposed_")], nil // 0 for a missing column
}
func (r *Row) DelAttrRPyC(_ context.Context, name string) error {
	delete(r.columns, strings.TrimPrefix(name, "exposed_"))
	return nil
}

func TestNamesThatAreNotThere(t *testing.T) {
	addr, _ := serve(t, &Row{map[string]int{"width": 3}}, rpyc.WithConfig("allow_public_attrs", "true"), rpyc.WithConfig("allow_delattr", "true"))
	root, ctx := dial(t, addr).Root(), within(t)
	width, err := rpyc.Get[int](ctx, root, "width")
	equal(t, []any{width, err}, []any{3, nil})
	for _, name := range []string{"height", "exposed_height", "_repr_html_", "__len__", "__array__"} {
		if value, err := root.Get(ctx, name); !errors.Is(err, rpyc.Type("AttributeError")) {
			t.Errorf("%s: got %v, %v", name, value, err)
		}
	}
	// The error of an unknown method does not say that access was denied.
	calculator, ctx := connect(t)
	for _, name := range []string{"nothing", "__nothing__", "exposed_nothing"} {
		_, err := calculator.Root().CallMethod(ctx, name)
		if !errors.Is(err, rpyc.Type("AttributeError")) || !strings.HasSuffix(err.Error(), "object has no attribute '"+name+"'") {
			t.Errorf("%s: got %v", name, err)
		}
		equal(t, refusedBy(err), nil)
	}
	// For dynamic rows, the application reports whether a name exists.
	addr, _ = serve(t, &Row{map[string]int{"width": 3}})
	_, err = dial(t, addr).Root().Get(ctx, "_height")
	equal(t, refusedBy(err), any("the attribute rules, whether it exists or not"))
}

// refusedBy returns the rule that denied a name; nil if none did.
func refusedBy(err error) any {
	var remote *rpyc.RemoteError
	if !errors.As(err, &remote) {
		return nil
	}
	return remote.Attributes["refused_by"]
}

// Invalid options are errors when the connection is made or the server begins, not connections that end at once.
func TestWrongOptionsAreErrors(t *testing.T) {
	addr, _ := serve(t, newKept())
	for want, option := range map[string]rpyc.Option{
		"allow_everything": rpyc.WithConfig("allow_everything", "true"),
		"allow_setattr":    rpyc.WithConfig("allow_setattr", "perhaps"),
		"WithNestingLimit: must be at least 1, got 0": rpyc.WithNestingLimit(0),
	} {
		if conn, err := rpyc.Dial(within(t), addr, option); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, %v", conn, err)
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Second) // ends a server that does serve
		err := rpyc.NewServer(newKept(), option).ListenAndServe(ctx, "tcp://127.0.0.1:0")
		cancel()
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("server: got %v, want %s", err, want)
		}
	}
}

type holding struct {
	conn   *rpyc.Conn
	kept   []*rpyc.Object
	marker *Book
}

func newHolding(alive *atomic.Int32) *holding {
	alive.Add(1)
	made := &holding{marker: &Book{"marker", 1}}
	runtime.SetFinalizer(made.marker, func(*Book) { alive.Add(-1) })
	return made
}

func (h *holding) OnConnect(conn *rpyc.Conn) error { h.conn = conn; return nil }
func (h *holding) Keep(one *rpyc.Object)           { h.kept = append(h.kept, one) }

// A service that has kept its connection and objects of its peer is freed with the connection.
func TestServicesThatKeepTheirPeerAreFreed(t *testing.T) {
	var alive atomic.Int32
	addr, _ := serve(t, func(*rpyc.Conn) (any, error) { return newHolding(&alive), nil })
	ctx := within(t)
	for n := 0; n < 3; n++ {
		conn, err := rpyc.Dial(ctx, addr, rpyc.WithService(newHolding(&alive)))
		equal(t, err, error(nil))
		_, err = conn.Root().CallMethod(ctx, "keep", func() int { return 1 })
		equal(t, err, error(nil))
		equal(t, conn.Service() != nil, true)
		conn.Close()
		<-conn.Done() // before OnDisconnect, which may use the service
		eventually(t, "the service is kept", func() bool { return conn.Service() == nil })
	}
	eventually(t, "services are left", func() bool { return alive.Load() == 0 })
}
