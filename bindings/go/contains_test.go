package rpyc_test

import (
	"errors"
	"io"
	"testing"

	"rpyc"
)

type membership struct{}

func (*membership) Squares() *rpyc.Iterator {
	n := -1
	return rpyc.NewIterator(func() (any, error) {
		if n++; n >= 4 {
			return nil, io.EOF
		}
		return n * n, nil
	})
}

// Contains requests no more items than necessary.
func TestContains(t *testing.T) {
	addr, _ := serve(t, &membership{})
	conn, ctx := dial(t, addr), within(t)
	squares := must[*rpyc.Object](t)(rpyc.Call[*rpyc.Object](ctx, conn.Root(), "squares"))
	equal(t, must[bool](t)(squares.Contains(ctx, 4)), true)
	equal(t, must[any](t)(squares.CallMethod(ctx, "__next__")), any(int64(9)))
	equal(t, must[bool](t)(squares.Contains(ctx, 10)), false)
	if err := second(squares.CallMethod(ctx, "__next__")); !errors.Is(err, rpyc.Type("StopIteration")) {
		t.Fatalf("got %v", err)
	}
}

// Failing has the special methods, but they fail with errors that otherwise mean that a method is missing.
type Failing struct{}

func (*Failing) DescribeRPyC(c *rpyc.Class) {
	fail := func(*Failing) (bool, error) { return false, rpyc.Raise("AttributeError", "inside") }
	c.Method("__bool__()", fail)
	c.Method("__contains__(item)", func(f *Failing, _ any) (bool, error) { return fail(f) })
}

// Negative has an impossible length.
type Negative struct{}

func (*Negative) DescribeRPyC(c *rpyc.Class) {
	c.Method("__len__()", func(*Negative) int { return -1 })
}

func (*membership) Failing() *Failing   { return &Failing{} }
func (*membership) Negative() *Negative { return &Negative{} }

// A method that fails with AttributeError is not treated as missing.
func TestTruthOfFailing(t *testing.T) {
	addr, _ := serve(t, &membership{})
	conn, ctx := dial(t, addr), within(t)
	failing := must[*rpyc.Object](t)(rpyc.Call[*rpyc.Object](ctx, conn.Root(), "failing"))
	if err := second(failing.Truth(ctx)); !errors.Is(err, rpyc.Type("AttributeError")) {
		t.Fatalf("truth: got %v", err)
	}
	if err := second(failing.Contains(ctx, 1)); !errors.Is(err, rpyc.Type("AttributeError")) {
		t.Fatalf("in: got %v", err)
	}
	negative := must[*rpyc.Object](t)(rpyc.Call[*rpyc.Object](ctx, conn.Root(), "negative"))
	if err := second(negative.Truth(ctx)); !errors.Is(err, rpyc.Type("ValueError")) {
		t.Fatalf("length: got %v", err)
	}
	equal(t, must[bool](t)(must[*rpyc.Object](t)(rpyc.Call[*rpyc.Object](ctx, conn.Root(), "squares")).Truth(ctx)), true)
}
