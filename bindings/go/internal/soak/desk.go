package main

import (
	"context"
	"runtime"
	"sync"

	"rpyc"
)

const slots = 16 // number of the peer's functions that an instance of the service keeps

// counted is an object that alive counts until it is garbage. It is large enough not to share a block of memory, which
// would be kept by the other objects in it.
type counted struct{ _ [64]byte }

func newCounted() *counted {
	alive.Add(1)
	c := &counted{}
	runtime.SetFinalizer(c, func(*counted) { alive.Add(-1) })
	return c
}

type desk struct {
	*counted
	mu   sync.Mutex
	kept [slots]*rpyc.Object
}

func newDesk(*rpyc.Conn) (any, error) { return &desk{counted: newCounted()}, nil }

// DescribeRPyC describes the service.
func (*desk) DescribeRPyC(c *rpyc.Class) {
	c.Name("service", "SoakService")
	c.Method("echo(x)", func(_ *desk, x any) any { return x })
	c.Method("apply(func, x)", func(_ *desk, ctx context.Context, f *rpyc.Object, x any) (any, error) { return f.Call(ctx, x) })
	c.Method("keep(slot, func)", func(d *desk, slot int, f *rpyc.Object) {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.kept[slot%slots] = f
	})
	c.Method("kept(slot, x)", func(d *desk, ctx context.Context, slot int, x any) (any, error) {
		d.mu.Lock()
		f := d.kept[slot%slots]
		d.mu.Unlock()
		if f == nil {
			return nil, rpyc.Raise("KeyError", "nothing is kept")
		}
		return f.Call(ctx, x)
	})
	c.Method("fail(text)", func(_ *desk, text string) error { return rpyc.Raise("ValueError", text) })
	c.Method("numbers(n)", func(_ *desk, n int) *rpyc.LiveList {
		list := rpyc.NewLiveList()
		for i := 0; i < n; i++ {
			list.Append(i)
		}
		return list
	})
	c.Method("total(numbers)", func(_ *desk, ctx context.Context, numbers *rpyc.Object) (sum int, err error) {
		items := rpyc.Iterate[int](ctx, numbers)
		for items.Next() {
			sum += items.Value()
		}
		return sum, items.Err()
	})
}
