package rpyc_test

import (
	"context"
	"errors"
	"io"
	"math"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"rpyc"
)

// hanging is an object whose every use waits until its context ends.
type hanging struct{ left chan bool }

func wait(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

func (*hanging) DescribeRPyC(c *rpyc.Class) {
	for _, name := range []string{"__len__", "__str__", "__repr__", "__hash__", "__iter__", "__next__", "__dir__", "__call__"} {
		c.Method(name+"()", func(h *hanging, ctx context.Context) error { return wait(ctx) })
	}
	for _, name := range []string{"__getitem__", "__delitem__", "__contains__", "__eq__", "__lt__"} {
		c.Method(name+"(key)", func(h *hanging, ctx context.Context, key any) error { return wait(ctx) })
	}
	c.Method("__setitem__(key, value)", func(h *hanging, ctx context.Context, key, value any) error { return wait(ctx) })
	get := func(h *hanging, ctx context.Context) error { return wait(ctx) }
	c.Property("x", get, func(h *hanging, ctx context.Context, value any) error { return wait(ctx) }, get)
	c.Method("__enter__()", func(h *hanging) *hanging { return h })
	c.Method("__exit__(kind, value, traceback)", func(h *hanging, kind, value, traceback any) { h.left <- kind != nil })
}

func (*hanging) Hang(ctx context.Context) error { return wait(ctx) }
func (h *hanging) Me() *hanging                 { return &hanging{h.left} }

// Every wait for the peer ends when its context ends.
func TestEveryWaitingEnds(t *testing.T) {
	addr, _ := serve(t, &hanging{}, rpyc.WithConfig("allow_setattr", "true"), rpyc.WithConfig("allow_delattr", "true"))
	conn := dial(t, addr)
	object := must[*rpyc.Object](t)(rpyc.Call[*rpyc.Object](within(t), conn.Root(), "me"))
	for name, use := range map[string]func(context.Context) error{
		"Call":        func(ctx context.Context) error { return second(object.Call(ctx)) },
		"CallMethod":  func(ctx context.Context) error { return second(object.CallMethod(ctx, "hang")) },
		"Get":         func(ctx context.Context) error { return second(object.Get(ctx, "x")) },
		"Set":         func(ctx context.Context) error { return object.Set(ctx, "x", 1) },
		"Delete":      func(ctx context.Context) error { return object.Delete(ctx, "x") },
		"Item":        func(ctx context.Context) error { return second(object.Item(ctx, 1)) },
		"SetItem":     func(ctx context.Context) error { return object.SetItem(ctx, 1, 2) },
		"DeleteItem":  func(ctx context.Context) error { return object.DeleteItem(ctx, 1) },
		"Len":         func(ctx context.Context) error { return second(object.Len(ctx)) },
		"Contains":    func(ctx context.Context) error { return second(object.Contains(ctx, 1)) },
		"Str":         func(ctx context.Context) error { return second(object.Str(ctx)) },
		"Repr":        func(ctx context.Context) error { return second(object.Repr(ctx)) },
		"Hash":        func(ctx context.Context) error { return second(object.Hash(ctx)) },
		"Dir":         func(ctx context.Context) error { return second(object.Dir(ctx)) },
		"Compare":     func(ctx context.Context) error { return second(object.Compare(ctx, "<", 1)) },
		"Equal":       func(ctx context.Context) error { return second(object.Equal(ctx, 1)) },
		"Iterate":     func(ctx context.Context) error { return loop(rpyc.Iterate[any](ctx, object)) },
		"Chunks":      func(ctx context.Context) error { return loop(rpyc.IterateChunks[any](ctx, object, 9)) },
		"As":          func(ctx context.Context) error { return second(rpyc.As[[]int](ctx, object)) },
		"Async":       func(ctx context.Context) error { return second(rpyc.Async[any](ctx, object, "hang").Result()) },
		"AsyncInvoke": func(ctx context.Context) error { return second(rpyc.AsyncInvoke[any](ctx, object).Result()) },
		"Request": func(ctx context.Context) error {
			return second(conn.Request(ctx, 7, object, rpyc.Tuple{}, rpyc.Tuple{}))
		},
		"Attribute": func(ctx context.Context) error { return second(rpyc.Attribute(ctx, object, "x")) },
	} {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
		if err := use(ctx); !errors.Is(err, rpyc.ErrTimeout) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: got %v", name, err)
		}
		cancel()
		if err := use(ctx); err == nil {
			t.Errorf("%s: goes on without time", name)
		}
	}
	if err := conn.Ping(within(t)); err != nil {
		t.Error(err)
	}
}

func loop[T any](items *rpyc.Items[T]) error {
	for items.Next() {
	}
	return items.Err()
}

// A server that sends nothing does not block Dial, and one that receives nothing does not block Close.
func TestSilentServers(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if conn, err := rpyc.Dial(ctx, "tcp://"+listener.Addr().String()); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, %v", conn, err)
	}
	left, right := net.Pipe() // the right end is never read
	defer right.Close()
	if _, err := rpyc.NewConn(ctx, left); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

// With leaves the object also if the context has ended meanwhile.
func TestWithLeavesAfterCancelling(t *testing.T) {
	service := &hanging{left: make(chan bool, 1)}
	addr, _ := serve(t, service)
	conn := dial(t, addr)
	ctx, cancel := context.WithCancel(context.Background())
	err := conn.Root().With(ctx, func(any) error {
		cancel()
		return ctx.Err()
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	equal(t, <-service.left, true)
}

func TestNilObjects(t *testing.T) {
	conn, ctx := connect(t)
	none := must[*rpyc.Object](t)(rpyc.Call[*rpyc.Object](ctx, conn.Root(), "echo", nil))
	for _, err := range []error{second(none.Call(ctx)), second(none.Get(ctx, "x")), second(none.Len(ctx)), none.Set(ctx, "x", 1),
		second(rpyc.Async[any](ctx, none, "x").Result()), loop(rpyc.Iterate[any](ctx, none)), second(conn.Root().IsInstance(ctx, none))} {
		if !errors.Is(err, rpyc.ErrType) {
			t.Errorf("got %v", err)
		}
	}
	equal(t, none.Close(), nil)
	equal(t, none.TypeName(), "object")
	equal(t, none.Same(conn.Root()), false)
	equal(t, none.Conn() == nil, true)
	equal(t, must[any](t)(conn.Root().CallMethod(ctx, "echo", none)), nil)
}

func TestNumbersThatDoNotFit(t *testing.T) {
	conn, ctx := connect(t)
	if err := second(rpyc.Call[float32](ctx, conn.Root(), "echo", 1e300)); !errors.Is(err, rpyc.ErrRange) {
		t.Errorf("got %v", err)
	}
	if err := second(rpyc.Call[complex64](ctx, conn.Root(), "echo", complex(0, 1e300))); !errors.Is(err, rpyc.ErrRange) {
		t.Errorf("got %v", err)
	}
	if err := second(rpyc.Call[time.Duration](ctx, conn.Root(), "echo", math.NaN())); !errors.Is(err, rpyc.ErrRange) {
		t.Errorf("got %v", err)
	}
	equal(t, must[float32](t)(rpyc.Call[float32](ctx, conn.Root(), "echo", math.Inf(-1))), float32(math.Inf(-1)))
	equal(t, math.IsNaN(float64(must[float32](t)(rpyc.Call[float32](ctx, conn.Root(), "echo", math.NaN())))), true)
}

// ApplyText returns the result of a function of the peer.
func (*Calculator) ApplyText(f func() (string, error)) (string, error) { return f() }

// An error whose message is not valid UTF-8 is sent all the same.
func TestErrorsThatAreNoText(t *testing.T) {
	conn, ctx := connect(t)
	err := second(conn.Root().CallMethod(ctx, "apply", func(int) (int, error) { return 0, errors.New("bad \xff byte") }, 1))
	if err == nil || err.Error() != "RuntimeError: bad \ufffd byte" {
		t.Errorf("got %v", err)
	}
	err = second(conn.Root().CallMethod(ctx, "apply", func(int) (int, error) { return 0, rpyc.Raise("ValueError", "\xff") }, 1))
	if !errors.Is(err, rpyc.Type("TypeError")) || !strings.Contains(err.Error(), "UTF-8") {
		t.Errorf("got %v", err)
	}
	err = second(conn.Root().CallMethod(ctx, "apply_text", func() string { return "\xff" }))
	if !errors.Is(err, rpyc.Type("TypeError")) || !strings.Contains(err.Error(), "UTF-8") {
		t.Errorf("got %v", err)
	}
}

// Close ends waiting calls on both sides and leaves no goroutine.
func TestCloseDuringCalls(t *testing.T) {
	before := runtime.NumGoroutine()
	addr, stop := serve(t, &hanging{})
	for round := 0; round < 5; round++ {
		conn := dial(t, addr)
		var started, ended sync.WaitGroup
		for i := 0; i < 50; i++ {
			started.Add(1)
			ended.Add(2)
			future := rpyc.Async[any](context.Background(), conn.Root(), "hang")
			go func() {
				defer ended.Done()
				if err := second(future.Result()); !errors.Is(err, rpyc.ErrClosed) {
					t.Errorf("got %v", err)
				}
			}()
			go func() {
				defer ended.Done()
				started.Done()
				for {
					if err := second(conn.Root().Get(context.Background(), "nothing")); !errors.Is(err, rpyc.Type("AttributeError")) {
						if !errors.Is(err, rpyc.ErrClosed) {
							t.Errorf("got %v", err)
						}
						return
					}
				}
			}()
		}
		started.Wait()
		equal(t, conn.Close(), nil)
		ended.Wait()
		equal(t, conn.Close(), nil)
	}
	stop()
	atMost(t, before)
}

// atMost waits until the number of goroutines is at most count.
func atMost(t *testing.T, count int) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for runtime.NumGoroutine() > count {
		if time.Now().After(deadline) {
			stacks := make([]byte, 1<<20)
			t.Fatalf("%d goroutines, there were %d\n%s", runtime.NumGoroutine(), count, stacks[:runtime.Stack(stacks, true)])
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// A server that ends while calls run ends their contexts and connections.
func TestServerEndsDuringCalls(t *testing.T) {
	before := runtime.NumGoroutine()
	addr, stop := serve(t, &hanging{})
	var futures []*rpyc.Future[any]
	for i := 0; i < 20; i++ {
		conn := dial(t, addr)
		futures = append(futures, rpyc.Async[any](context.Background(), conn.Root(), "hang"))
	}
	stop()
	for _, future := range futures {
		if err := second(future.Result()); !errors.Is(err, rpyc.ErrClosed) {
			t.Errorf("got %v", err)
		}
	}
	atMost(t, before)
}

// brokenListener fails permanently.
type brokenListener struct{ net.Listener }

func (brokenListener) Accept() (net.Conn, error) { return nil, errBroken }

var errBroken = errors.New("broken")

func TestServersThatHaveEnded(t *testing.T) {
	ctx := within(t)
	listen := func() net.Listener { return must[net.Listener](t)(rpyc.Listen(ctx, "tcp://127.0.0.1:0")) }
	server := rpyc.NewServer(newCalculator())
	if err := server.Serve(ctx, brokenListener{listen()}); err != errBroken {
		t.Errorf("got %v", err)
	}
	if err := server.Serve(ctx, listen()); !errors.Is(err, rpyc.ErrClosed) {
		t.Errorf("got %v", err)
	}
}

// A peer that sends more than fits into memory is stopped.
func TestEndlessIterables(t *testing.T) {
	addr, _ := serve(t, newCalculator(), rpyc.WithFetchLimit(1000))
	conn, ctx := dial(t, addr), within(t)
	endless := rpyc.NewIterator(func() (any, error) { return 1, nil })
	err := second(conn.Root().CallMethod(ctx, "sum", endless))
	if err == nil || !strings.Contains(err.Error(), "WithFetchLimit") {
		t.Errorf("got %v", err)
	}
	left := 1000
	counted := rpyc.NewIterator(func() (any, error) {
		if left--; left < 0 {
			return nil, io.EOF
		}
		return 1, nil
	})
	equal(t, must[float64](t)(rpyc.Call[float64](ctx, conn.Root(), "sum", counted)), 1000.0)
}

// An object that is closed during use fails, if at all, with ErrReleased.
func TestCloseDuringUse(t *testing.T) {
	conn, ctx, _ := shelf(t)
	for i := 0; i < 50; i++ {
		book := must[*rpyc.Object](t)(rpyc.Call[*rpyc.Object](ctx, conn.Root(), "book"))
		var users sync.WaitGroup
		for j := 0; j < 4; j++ {
			users.Add(1)
			go func(j int) {
				defer users.Done()
				if j == 3 {
					book.Close()
				} else if err := second(book.Str(ctx)); err != nil && !errors.Is(err, rpyc.ErrReleased) {
					t.Errorf("got %v", err)
				}
			}(j)
		}
		users.Wait()
	}
}
