package rpyc_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"rpyc"
)

func TestRemoteErrors(t *testing.T) {
	conn, ctx := connect(t)
	_, err := rpyc.Call[int](ctx, conn.Root(), "divide", 1, 0)
	var remote *rpyc.RemoteError
	if !errors.As(err, &remote) {
		t.Fatalf("got %v", err)
	}
	equal(t, remote.Type, "ZeroDivisionError")
	equal(t, remote.Module, "builtins")
	equal(t, remote.Args, []any{"division by zero", int64(7)})
	for kind, want := range map[string]bool{"ZeroDivisionError": true, "ArithmeticError": true, "builtins.ZeroDivisionError": true,
		"Exception": true, "ValueError": false, "OSError": false, "other.ZeroDivisionError": false} {
		equal(t, errors.Is(err, rpyc.Type(kind)), want)
	}
	if errors.Is(err, rpyc.ErrClosed) || errors.Is(err, rpyc.ErrType) {
		t.Error("a remote exception is none of the library's errors")
	}
	_, err = rpyc.Call[int](ctx, conn.Root(), "no_such_method")
	equal(t, errors.Is(err, rpyc.Type("AttributeError")), true)
	for _, name := range []string{"hidden", "describe_rpyc", "Add", "on_connect", "_add"} {
		if _, err := conn.Root().Get(ctx, name); !errors.Is(err, rpyc.Type("AttributeError")) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestErrorsOfMethods(t *testing.T) {
	conn, ctx := connect(t)
	fail := func(kind string) *rpyc.RemoteError {
		t.Helper()
		_, err := rpyc.Call[any](ctx, conn.Root(), "fail", kind)
		var remote *rpyc.RemoteError
		if !errors.As(err, &remote) {
			t.Fatalf("got %v", err)
		}
		return remote
	}
	equal(t, fail("something").Error(), "RuntimeError: something")
	equal(t, fail("panic").Error(), "RuntimeError: panic: no reason")
	equal(t, strings.Contains(fail("panic").Traceback, "Fail"), true)
	equal(t, strings.Contains(fail("index").Error(), "RuntimeError: panic: runtime error: index out of range"), true)
	missing := fail("missing")
	equal(t, missing.Type, "FileNotFoundError")
	equal(t, missing.Args[0], int64(2))
}

func TestArgumentsThatDoNotFit(t *testing.T) {
	conn, ctx := connect(t)
	for text, args := range map[string][]any{
		"TypeError: add() argument 'a' must be int, not str":                                        {"x", 1},
		"TypeError: add() argument 'b' must be int, not tuple":                                      {1, rpyc.Tuple{}},
		"TypeError: add() missing 1 required positional argument: 'a'":                              {},
		"TypeError: add() takes from 1 to 2 positional arguments but 3 were given":                  {1, 2, 3},
		"TypeError: add() got an unexpected keyword argument 'c'":                                   {1, rpyc.Keywords{"c": 1}},
		"OverflowError: add() argument 'a' must be in the range of int64, not 18446744073709551615": {uint64(1<<64 - 1)},
	} {
		_, err := rpyc.Call[int](ctx, conn.Root(), "add", args...)
		if err == nil || err.Error() != text {
			t.Errorf("got %v, want %s", err, text)
		}
	}
	_, err := rpyc.Call[any](ctx, conn.Root(), "divide", 1, "x")
	equal(t, err.Error(), "TypeError: divide() argument 'arg2' must be int, not str")
	_, err = rpyc.Call[any](ctx, conn.Root(), "collect", 1, 2, "x")
	equal(t, err.Error(), "TypeError: collect() argument 'rest' must be int in item 1, not str")
}

func TestExceptionsPassThrough(t *testing.T) {
	conn, ctx := connect(t)
	bad := func(int) (int, error) { return 0, rpyc.Raise("bank.Closed", "sunday", 7) }
	_, err := rpyc.Call[int](ctx, conn.Root(), "apply", bad, 1)
	var remote *rpyc.RemoteError
	if !errors.As(err, &remote) {
		t.Fatalf("got %v", err)
	}
	equal(t, remote.Module+"."+remote.Type, "bank.Closed")
	equal(t, remote.Args, []any{"sunday", int64(7)})
}

func TestDeadline(t *testing.T) {
	service := newCalculator()
	addr, _ := serve(t, service)
	conn := dial(t, addr)
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_, err := rpyc.Call[any](ctx, conn.Root(), "wait")
	var timeout net.Error
	if !errors.Is(err, rpyc.ErrTimeout) || !errors.Is(err, context.DeadlineExceeded) || !errors.As(err, new(interface{ Timeout() bool })) {
		t.Fatalf("got %v", err)
	}
	_ = timeout
	equal(t, err.Error(), "rpyc: wait() on "+addr+" did not reply in time; it may still be running")
	equal(t, must[int](t)(rpyc.Call[int](within(t), conn.Root(), "add", 1)), 3)

	// A timeout for requests without a deadline.
	limited := dial(t, addr, rpyc.WithTimeout(time.Second))
	<-service.started
	_, err = rpyc.Call[any](context.Background(), limited.Root(), "wait")
	if !errors.Is(err, rpyc.ErrTimeout) {
		t.Fatalf("got %v", err)
	}
	limited.Close()
	conn.Close()
	equal(t, <-service.ended, context.Canceled) // the callers have stopped waiting
}

func TestCancellation(t *testing.T) {
	service := newCalculator()
	addr, _ := serve(t, service)
	conn := dial(t, addr)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		_, err := rpyc.Call[any](ctx, conn.Root(), "wait")
		done <- err
	}()
	<-service.started
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) || errors.Is(err, rpyc.ErrTimeout) {
		t.Fatalf("got %v", err)
	}
	if _, err := rpyc.Call[any](ctx, conn.Root(), "add", 1); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	equal(t, must[int](t)(rpyc.Call[int](within(t), conn.Root(), "add", 1)), 3)
}

func TestTheEndOfAConnection(t *testing.T) {
	service := newCalculator()
	addr, stop := serve(t, service)
	conn, ctx := dial(t, addr), within(t)
	object := must[*rpyc.Object](t)(rpyc.Get[*rpyc.Object](ctx, conn.Root(), "echo"))
	waiting := make(chan error, 1)
	go func() {
		_, err := rpyc.Call[any](ctx, conn.Root(), "wait")
		waiting <- err
	}()
	<-service.started
	equal(t, conn.Err(), error(nil))
	stop() // stops the server
	if err := <-waiting; !errors.Is(err, rpyc.ErrClosed) {
		t.Fatalf("got %v", err)
	}
	<-conn.Done()
	if !errors.Is(conn.Err(), rpyc.ErrClosed) {
		t.Fatalf("got %v", conn.Err())
	}
	for _, err := range []error{conn.Ping(ctx), second(object.Call(ctx, 1)), conn.Close(), conn.Close(), object.Close()} {
		if err != nil && !errors.Is(err, rpyc.ErrClosed) {
			t.Errorf("got %v", err)
		}
	}
	equal(t, second(object.Call(ctx, 1)) != nil, true)
	if _, err := rpyc.Dial(ctx, addr); err == nil {
		t.Error("the server still listens")
	}
}

func TestAPeerThatIsNone(t *testing.T) {
	ours, theirs := net.Pipe()
	go func() {
		_, _ = io.WriteString(theirs, "HTTP/1.1 400 Bad Request\r\n\r\nand so on and so forth until it is enough for a header")
		_, _ = io.Copy(io.Discard, theirs)
	}()
	_, err := rpyc.NewConn(within(t), ours)
	if err == nil || errors.As(err, new(*rpyc.RemoteError)) {
		t.Fatalf("got %v", err)
	}
}

func TestWrongOptions(t *testing.T) {
	addr, _ := serve(t, newCalculator())
	if _, err := rpyc.Dial(within(t), addr, rpyc.WithConfig("no_such_option", "1")); err == nil || !strings.Contains(err.Error(), "no_such_option") {
		t.Fatalf("got %v", err)
	}
}

func TestErrorsOfGoAsExceptions(t *testing.T) {
	var service failing
	addr, _ := serve(t, &service)
	conn, ctx := dial(t, addr), within(t)
	for want, err := range map[string]error{
		"FileNotFoundError": fs.ErrNotExist, "PermissionError": os.ErrPermission, "FileExistsError": fs.ErrExist,
		"ValueError": fmt.Errorf("kept: %w", rpyc.ErrLimit), "OSError": rpyc.ErrAddress, "OverflowError": rpyc.ErrRange,
		"EOFError": io.EOF, "TimeoutError": context.DeadlineExceeded, "RuntimeError": errors.New("x"), "KeyError": rpyc.Raise("KeyError", 1),
	} {
		service.err = err
		_, got := rpyc.Call[any](ctx, conn.Root(), "fail")
		equal(t, errors.Is(got, rpyc.Type(want)), true)
	}
}

// A peer's message cannot control a terminal or look like another line of a log. Message returns it unchanged.
func TestTextsForTerminals(t *testing.T) {
	text := "a\n\t\r\x1b[2J\x7f\u009b\u202e\u2028\\n caf\u00e9"
	service := failing{rpyc.Raise("ValueError", text)}
	addr, _ := serve(t, &service)
	conn, ctx := dial(t, addr), within(t)
	_, err := rpyc.Call[any](ctx, conn.Root(), "fail")
	equal(t, err.Error(), `ValueError: a\n\t\r\x1b[2J\x7f\x9b\u202e\u2028\n caf`+"\u00e9")
	var remote *rpyc.RemoteError
	equal(t, errors.As(err, &remote), true)
	equal(t, remote.Message(), "ValueError: "+text)
	equal(t, remote.Args, []any{text})
}

type failing struct{ err error }

func (f *failing) Fail() error { return f.err }
