package rpyc_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"reflect"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"rpyc"
)

// Calculator is the service of most tests.
type Calculator struct {
	started  chan struct{} // Wait has begun
	ended    chan error    // the reason why a context of Wait ended
	running  int32
	together int32
}

func (*Calculator) DescribeRPyC(c *rpyc.Class) {
	c.Name("test", "CalculatorService")
	c.Doc("Sums and the like.")
	c.Method("add(a, b=2)", "Add").Doc("The sum of two integers.")
	c.Method("collect(first, *rest, flag=False, **named)", "Collect")
	c.Property("answer", func(*Calculator) int { return 42 }, nil, nil)
	c.Hide("Hidden")
}

func (*Calculator) Add(a, b int64) int64 { return a + b }

func (*Calculator) Collect(first any, flag bool, named rpyc.Keywords, rest ...int) (any, error) {
	return rpyc.Tuple{first, flag, len(named), len(rest)}, nil
}

func (*Calculator) Echo(value any) any { return value }

func (*Calculator) TypeOf(value any) string { return fmt.Sprintf("%T", value) }

func (*Calculator) Divide(a, b int64) (int64, error) {
	if b == 0 {
		return 0, rpyc.Raise("ZeroDivisionError", "division by zero", 7)
	}
	return a / b, nil
}

func (*Calculator) Sum(numbers []float64) (sum float64) {
	for _, number := range numbers {
		sum += number
	}
	return sum
}

func (*Calculator) Apply(ctx context.Context, f func(int) (int, error), n int) (int, error) {
	return f(n)
}

func (c *Calculator) Nest(ctx context.Context, f func(context.Context, int) (int, error), n int) (int, error) {
	if n == 0 {
		return 0, nil
	}
	result, err := f(ctx, n-1)
	return result + 1, err
}

func (*Calculator) Fail(kind string) error {
	switch kind {
	case "panic":
		panic("no reason")
	case "index":
		var none []int
		_ = none[len(kind)]
	case "missing":
		_, err := os.Open("/no/such/file")
		return err
	}
	return errors.New(kind)
}

func (c *Calculator) Wait(ctx context.Context) error {
	c.started <- struct{}{}
	<-ctx.Done()
	c.ended <- ctx.Err()
	return ctx.Err()
}

func (c *Calculator) Crowd(wait time.Duration) int32 {
	n := atomic.AddInt32(&c.running, 1)
	for most := atomic.LoadInt32(&c.together); n > most && !atomic.CompareAndSwapInt32(&c.together, most, n); {
		most = atomic.LoadInt32(&c.together)
	}
	time.Sleep(wait)
	atomic.AddInt32(&c.running, -1)
	return n
}

func (*Calculator) Hidden() string { return "not for peers" }

func newCalculator() *Calculator {
	return &Calculator{started: make(chan struct{}, 1), ended: make(chan error, 1)}
}

// serve offers a service during a test. It returns the address and a function that stops the server.
func serve(t testing.TB, service any, opts ...rpyc.Option) (addr string, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	listener, err := rpyc.Listen(ctx, "tcp://127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- rpyc.NewServer(service, opts...).Serve(ctx, listener) }()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			select {
			case err := <-done:
				if err != nil {
					t.Errorf("the server: %v", err)
				}
			case <-time.After(30 * time.Second):
				t.Error("the server does not end")
			}
		})
	}
	t.Cleanup(stop)
	return "tcp://" + listener.Addr().String(), stop
}

func dial(t testing.TB, addr string, opts ...rpyc.Option) *rpyc.Conn {
	t.Helper()
	conn, err := rpyc.Dial(within(t), addr, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// within returns a context for requests that should not take long.
func within(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func connect(t testing.TB, opts ...rpyc.Option) (*rpyc.Conn, context.Context) {
	addr, _ := serve(t, newCalculator(), opts...)
	return dial(t, addr), within(t)
}

func equal(t testing.TB, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("got %#v, want %#v", got, want)
	}
}

func must[T any](t testing.TB) func(T, error) T {
	return func(value T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

func TestCalls(t *testing.T) {
	conn, ctx := connect(t)
	root := conn.Root()
	equal(t, must[int64](t)(rpyc.Call[int64](ctx, root, "add", 40, 2)), int64(42))
	equal(t, must[int](t)(rpyc.Call[int](ctx, root, "add", 40)), 42)
	equal(t, must[int](t)(rpyc.Call[int](ctx, root, "add", rpyc.Keywords{"b": 1, "a": 2})), 3)
	equal(t, must[any](t)(root.CallMethod(ctx, "collect", "x", 1, 2, rpyc.Keywords{"flag": true, "k": 1})),
		rpyc.Tuple{"x", true, int64(1), int64(2)})
	equal(t, must[int](t)(rpyc.Get[int](ctx, root, "answer")), 42)
	equal(t, must[string](t)(rpyc.Call[string](ctx, root, "get_service_name")), "CALCULATOR")
	if err := conn.Ping(ctx); err != nil {
		t.Fatal(err)
	}
}
