package rpyc_test

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"

	"rpyc"
)

// careless is a service whose values and errors panic, in places other than its methods.
type careless struct{}

func (*careless) Set(set map[any]struct{}) int                               { return len(set) }
func (*careless) Dict(dict map[any]int) int                                  { return len(dict) }
func (*careless) Echo(value any) any                                         { return value }
func (*careless) Nan() map[float64]string                                    { return map[float64]string{math.NaN(): "x", 1: "y"} }
func (*careless) Nans() map[float64]struct{}                                 { return map[float64]struct{}{math.NaN(): {}} }
func (*careless) NoError() error                                             { var err *textError; return err }
func (*careless) NoException() error                                         { var err *rpyc.Exception; return err }
func (*careless) BadError() error                                            { return badError{} }
func (*careless) Undescribed() any                                           { return &undescribed{} }
func (*careless) UndescribedArgument() error                                 { return rpyc.Raise("ValueError", &undescribed{}) }
func (*careless) Bytes(data []octet) (sum int)                               { return len(data) }
func (*careless) Length(ctx context.Context, dict *rpyc.Object) (int, error) { return dict.Len(ctx) }
func (*careless) Alive() bool                                                { return true }

type octet byte

type textError struct{ text string }

func (e *textError) Error() string { return e.text }

// badError panics with itself, so the error that says why it cannot be raised cannot be raised either.
type badError struct{}

func (e badError) Error() string { panic(e) }

type undescribed struct{}

func (*undescribed) DescribeRPyC(*rpyc.Class) { panic("no description") }

// A panic in code that runs around a method, during the conversion of its arguments or the sending of its result,
// raises an exception at the caller, like one in the method. The server continues.
func TestPanicsBesideMethods(t *testing.T) {
	for name, opts := range map[string][]rpyc.Option{"overlapping": nil, "serial": {rpyc.WithSerial()}} {
		t.Run(name, func(t *testing.T) {
			addr, _ := serve(t, &careless{}, opts...)
			conn, ctx := dial(t, addr), within(t)
			odd := rpyc.Slice{Start: rpyc.Tuple{1, 2}, Stop: 3}
			for _, c := range []struct {
				method string
				args   []any
				want   string
			}{
				{"set", []any{rpyc.Tuple{odd}}, "TypeError: set() argument 'arg1' must be set of items that Go can compare"},
				{"dict", []any{rpyc.Dict{{Key: rpyc.FrozenSet{1}, Value: 1}}}, "TypeError: dict() argument 'arg1' must be dict with keys"},
				{"no_error", nil, "RuntimeError: panic: runtime error: invalid memory address"},
				{"no_exception", nil, "RuntimeError: panic: runtime error: invalid memory address"},
				{"bad_error", nil, "RuntimeError: "},
				{"undescribed", nil, "RuntimeError: panic: no description"},
				{"undescribed_argument", nil, "RuntimeError: panic: no description"},
			} {
				_, err := conn.Root().CallMethod(ctx, c.method, c.args...)
				if err == nil || !strings.HasPrefix(err.Error(), c.want) {
					t.Errorf("%s: got %v, want %s", c.method, err, c.want)
				}
				equal(t, must[bool](t)(rpyc.Call[bool](ctx, conn.Root(), "alive")), true)
			}
			// A value that can be compared is still a valid key.
			plain := rpyc.Slice{Start: 1, Stop: "x"}
			equal(t, must[int](t)(rpyc.Call[int](ctx, conn.Root(), "set", rpyc.Tuple{plain, nil, 1, "x"})), 4)
			equal(t, must[int](t)(rpyc.Call[int](ctx, conn.Root(), "bytes", []byte("xyz"))), 3)
		})
	}
}

// No reply of a peer makes the caller panic.
func TestKeysThatCannotBeCompared(t *testing.T) {
	addr, _ := serve(t, &careless{})
	conn, ctx := dial(t, addr), within(t)
	odd := rpyc.Slice{Start: rpyc.Tuple{1, 2}, Stop: 3}
	for _, item := range []any{odd, rpyc.Tuple{1}, []byte("x")} {
		if _, err := rpyc.Call[map[any]struct{}](ctx, conn.Root(), "echo", rpyc.Tuple{item}); !errors.Is(err, rpyc.ErrType) {
			t.Errorf("%v: got %v", item, err)
		}
	}
	if _, err := rpyc.Call[map[rpyc.Slice]struct{}](ctx, conn.Root(), "echo", rpyc.Tuple{odd}); !errors.Is(err, rpyc.ErrType) {
		t.Errorf("got %v", err)
	}
	equal(t, len(must[map[any]struct{}](t)(rpyc.Call[map[any]struct{}](ctx, conn.Root(), "echo", rpyc.Tuple{nil, 1, "x"}))), 3)
	equal(t, must[[]octet](t)(rpyc.Call[[]octet](ctx, conn.Root(), "echo", []byte("xy"))), []octet("xy"))
}

// A NaN key cannot be looked up, but it is sent with its value.
func TestKeysThatAreNotNumbers(t *testing.T) {
	addr, _ := serve(t, &careless{})
	conn, ctx := dial(t, addr), within(t)
	dict := must[*rpyc.Object](t)(rpyc.Call[*rpyc.Object](ctx, conn.Root(), "nan"))
	text := must[string](t)(dict.Repr(ctx))
	equal(t, strings.Contains(text, "nan: 'x'") && strings.Contains(text, "1.0: 'y'"), true)
	sent := map[float64]string{math.NaN(): "x", 1: "y"}
	equal(t, must[int](t)(rpyc.Call[int](ctx, conn.Root(), "length", sent)), 2)
	equal(t, len(must[map[float64]struct{}](t)(rpyc.Call[map[float64]struct{}](ctx, conn.Root(), "nans"))), 1)
}

// A panic while a service is made for a connection refuses only that connection.
func TestPanicsOfFactories(t *testing.T) {
	made := 0
	addr, _ := serve(t, func(*rpyc.Conn) (any, error) {
		switch made++; made {
		case 1:
			panic("no service")
		case 2:
			return &undescribed{}, nil
		}
		return &careless{}, nil
	})
	for i := 0; i < 2; i++ {
		if conn, err := rpyc.Dial(within(t), addr); err == nil {
			conn.Close()
			t.Error("the connection was not turned away")
		}
	}
	conn := dial(t, addr)
	equal(t, must[bool](t)(rpyc.Call[bool](within(t), conn.Root(), "alive")), true)
}

// hasty closes a connection while its value is being encoded.
type hasty struct{}

var endsWith = func() {}

func (*hasty) DescribeRPyC(*rpyc.Class) { endsWith() }

// The handle of a function that was being sent is freed only once.
func TestEndWhileArgumentsAreEncoded(t *testing.T) {
	addr, _ := serve(t, &careless{})
	conn := dial(t, addr)
	endsWith = func() {
		conn.Close()
		<-conn.Done()
	}
	_, err := conn.Root().CallMethod(context.Background(), "echo", rpyc.Tuple{func() {}, func(int) {}, &hasty{}})
	if !errors.Is(err, rpyc.ErrClosed) {
		t.Fatalf("got %v", err)
	}
}
