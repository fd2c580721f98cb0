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

// Contains goes no further than it must.
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
