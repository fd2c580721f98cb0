package rpyc_test

import (
	"context"
	"errors"
	"runtime"
	"testing"

	"rpyc"
)

// bouncer makes peers call one another without end.
type bouncer struct{ kept any }

func call(ctx context.Context, function any, args ...any) (any, error) {
	switch f := function.(type) {
	case *rpyc.Object:
		return f.Call(ctx, args...)
	case *rpyc.Function:
		return f.Call(ctx, args...)
	}
	return nil, rpyc.Raise("TypeError", "not callable")
}

// Call calls a function with the remaining arguments.
func (b *bouncer) Call(ctx context.Context, function any, args ...any) (any, error) {
	return call(ctx, function, args...)
}

// Keep keeps a function for Poke.
func (b *bouncer) Keep(function any) { b.kept = function }

// Poke calls the kept function, without the context of the call.
func (b *bouncer) Poke() (any, error) { return call(context.Background(), b.kept) }

func (b *bouncer) Echo(value any) any { return value }

func tooDeep(t *testing.T, err error) {
	t.Helper()
	if !errors.Is(err, rpyc.Type("RecursionError")) {
		t.Errorf("got %v", err)
	}
}

// Each side calls the other, thousands of times.
func TestNestedCallbacks(t *testing.T) {
	addr, _ := serve(t, &bouncer{})
	conn, ctx := dial(t, addr), within(t)
	deepest := 0
	var again *rpyc.Function
	again = rpyc.Func("again()", func(ctx context.Context) (any, error) {
		deepest++
		return conn.Root().CallMethod(ctx, "call", again)
	})
	tooDeep(t, second(conn.Root().CallMethod(ctx, "call", again)))
	if deepest < 900 {
		t.Errorf("after %d levels", deepest)
	}
	equal(t, must[int](t)(rpyc.Call[int](ctx, conn.Root(), "echo", 7)), 7)
}

func TestNestingLimit(t *testing.T) {
	addr, _ := serve(t, &bouncer{}, rpyc.WithNestingLimit(20))
	conn, ctx := dial(t, addr), within(t)
	deepest := 0
	var again *rpyc.Function
	again = rpyc.Func("again()", func(ctx context.Context) (any, error) {
		deepest++
		return conn.Root().CallMethod(ctx, "call", again)
	})
	tooDeep(t, second(conn.Root().CallMethod(ctx, "call", again)))
	equal(t, deepest, 20)
	equal(t, must[int](t)(rpyc.Call[int](ctx, conn.Root(), "echo", 7)), 7)
}

// The service's own methods are given to it as callbacks.
func TestMethodsThatCallThemselves(t *testing.T) {
	addr, _ := serve(t, &bouncer{})
	conn, ctx := dial(t, addr), within(t)
	itself := must[any](t)(conn.Root().Get(ctx, "call"))
	args := make([]any, 3000)
	for i := range args {
		args[i] = itself
	}
	tooDeep(t, second(conn.Root().CallMethod(ctx, "call", args...)))
	poke := must[any](t)(conn.Root().Get(ctx, "poke"))
	must[any](t)(conn.Root().CallMethod(ctx, "keep", poke))
	tooDeep(t, second(conn.Root().CallMethod(ctx, "poke")))
	equal(t, must[int](t)(rpyc.Call[int](ctx, conn.Root(), "echo", 7)), 7)
}

// Chain returns a chain of lists, each of which contains the next.
func (b *bouncer) Chain(length int) *rpyc.LiveList {
	list := rpyc.NewLiveList(7)
	for ; length > 0; length-- {
		list = rpyc.NewLiveList(list, rpyc.Dict{{Key: "same", Value: list}})
	}
	return list
}

// A peer releases the head of a long chain, after it has requested its str(), which has no end either.
func TestLongChainsAreGivenBack(t *testing.T) {
	addr, _ := serve(t, &bouncer{})
	conn, ctx := dial(t, addr), within(t)
	for i := 0; i < 3; i++ {
		head := must[*rpyc.Object](t)(rpyc.Call[*rpyc.Object](ctx, conn.Root(), "chain", 20000))
		if text, err := rpyc.Call[string](ctx, head, "__repr__"); err == nil && len(text) > 1<<20 {
			t.Errorf("a text of %d bytes", len(text))
		}
		inner := must[*rpyc.Object](t)(rpyc.Call[*rpyc.Object](ctx, head, "pop", 0))
		must[any](t)(inner.CallMethod(ctx, "append", inner))
		inner.Close()
		head.Close()
		runtime.GC()
		equal(t, must[int](t)(rpyc.Call[int](ctx, conn.Root(), "echo", 7)), 7)
	}
}
