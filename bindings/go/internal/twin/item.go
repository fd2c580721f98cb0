package main

import (
	"context"
	"fmt"

	"rpyc"
)

// Item is an object with a rank, a label of any type, and slots.
type Item struct {
	rank  int64
	label any
	slots *rpyc.LiveDict
}

// SubItem is derived from Item and has more members.
type SubItem struct{ *Item }

// itemer is implemented by both.
type itemer interface{ item() *Item }

func (i *Item) item() *Item    { return i }
func (s *SubItem) item() *Item { return s.Item }

func (i *Item) setRank(rank any) error {
	number, ok := rank.(int64)
	switch {
	case !ok:
		return rpyc.Raise("TypeError", "rank must be an int")
	case number < -1000 || number > 1000:
		return rpyc.Raise("ValueError", "rank out of range")
	}
	i.rank = number
	return nil
}

func newItem(rank any) (*Item, error) {
	slots, err := rpyc.NewLiveDict()
	if err != nil {
		return nil, err
	}
	item := &Item{slots: slots}
	return item, item.setRank(rank)
}

// DescribeRPyC describes the class.
func (*Item) DescribeRPyC(c *rpyc.Class) {
	c.Name("things", "Item")
	c.Doc("An object with a rank, anything under a label, and slots.")
	c.Constructor("__init__(rank=0)", newItem)
	c.Method("get()", func(i *Item) any { return i.label })
	describe(c)
}

// DescribeRPyC describes the class.
func (*SubItem) DescribeRPyC(c *rpyc.Class) {
	c.Name("things", "SubItem")
	c.Doc("An Item that knows more.")
	c.Base(&Item{})
	c.Constructor("__init__(rank=0)", func(rank any) (*SubItem, error) {
		item, err := newItem(rank)
		return &SubItem{item}, err
	})
	c.Method("get()", func(s *SubItem) rpyc.Tuple { return rpyc.Tuple{"sub", s.label} })
	c.Method("own()", func(*SubItem) string { return "own" })
	describe(c)
}

func describe(c *rpyc.Class) {
	c.Property("rank", func(i itemer) int64 { return i.item().rank }, func(i itemer, rank any) error { return i.item().setRank(rank) }, nil)
	c.Property("label", func(i itemer) any { return i.item().label }, func(i itemer, label any) { i.item().label = label },
		func(i itemer) { i.item().label = nil })
	c.Property("fixed", func(itemer) string { return "fixed" }, nil, nil)
	c.Method("set(value)", func(i itemer, value any) any { i.item().label = value; return i })
	c.Method("swap(value)", func(i itemer, value any) any {
		old := i.item().label
		i.item().label = value
		return old
	})
	c.Method("remember(*args, **kwargs)", func(i itemer, named rpyc.Keywords, args ...any) any {
		i.item().label = rpyc.Tuple{rpyc.Tuple(args), sortedPairs(named)}
		return i.item().label
	})
	c.Method("mix(a, b=2, *rest, c=3, **named)", func(_ itemer, a, b, c any, named rpyc.Keywords, rest ...any) rpyc.Tuple {
		return mix(a, b, rest, c, named)
	})
	c.Method("fail(value=None)", func(_ itemer, value any) error { return rpyc.Raise("ValueError", value) })
	c.Method("refuse()", func(i itemer) error {
		rank := i.item().rank
		return &rpyc.Exception{Type: "things.Refusal", Args: []any{"refused", rank}, Attributes: map[string]any{"rank": rank}}
	})
	c.Method("call(*args, **kwargs)", func(i itemer, ctx context.Context, named rpyc.Keywords, args ...any) (any, error) {
		return call(ctx, i.item().label, args, named)
	})
	c.Method("slots()", func(i itemer) any { return i.item().slots })
	special(c)
	ofSlots(c)
}

func special(c *rpyc.Class) {
	c.Method("__repr__()", func(i itemer) string { return fmt.Sprintf("<Item %d>", i.item().rank) })
	c.Method("__str__()", func(i itemer) string { return fmt.Sprintf("item %d", i.item().rank) })
	c.Method("__hash__()", func(i itemer) int64 {
		if i.item().rank == -1 {
			return -2
		}
		return i.item().rank
	})
	compared := func(compare func(a, b int64) bool) func(itemer, any) any {
		return func(i itemer, other any) any {
			if o, ok := other.(itemer); ok {
				return compare(i.item().rank, o.item().rank)
			}
			return rpyc.NotImplemented
		}
	}
	c.Method("__eq__(other)", compared(func(a, b int64) bool { return a == b }))
	c.Method("__lt__(other)", compared(func(a, b int64) bool { return a < b }))
	c.Method("__bool__()", func(i itemer) bool { return i.item().rank != 0 })
	c.Method("__index__()", func(i itemer) int64 { return i.item().rank })
	c.Method("__add__(other)", func(i itemer, other any) rpyc.Tuple { return rpyc.Tuple{i.item().rank, other} })
	c.Method("__radd__(other)", func(i itemer, other any) rpyc.Tuple { return rpyc.Tuple{other, i.item().rank} })
	c.Method("__neg__()", func(i itemer) (*Item, error) { return newItem(-i.item().rank) })
	c.Method("__call__(*args, **kwargs)", func(i itemer, named rpyc.Keywords, args ...any) rpyc.Tuple {
		return rpyc.Tuple{i.item().rank, rpyc.Tuple(args), sortedPairs(named)}
	})
}

func ofSlots(c *rpyc.Class) {
	c.Method("__len__()", func(i itemer) int { return i.item().slots.Len() })
	c.Method("__iter__()", func(i itemer, ctx context.Context) (any, error) { return apply(ctx, i.item().slots, "__iter__") })
	c.Method("__contains__(key)", func(i itemer, ctx context.Context, key any) (any, error) {
		return apply(ctx, i.item().slots, "__contains__", key)
	})
	c.Method("__getitem__(key)", func(i itemer, ctx context.Context, key any) (any, error) {
		return apply(ctx, i.item().slots, "__getitem__", key)
	})
	c.Method("__setitem__(key, value)", func(i itemer, ctx context.Context, key, value any) (any, error) {
		return apply(ctx, i.item().slots, "__setitem__", key, value)
	})
	c.Method("__delitem__(key)", func(i itemer, ctx context.Context, key any) (any, error) {
		return apply(ctx, i.item().slots, "__delitem__", key)
	})
	c.Method("__enter__()", func(i itemer) any { i.item().label = "entered"; return i })
	c.Method("__exit__(kind, value, traceback)", func(i itemer, kind, _, _ any) bool {
		i.item().label = "failed"
		if kind == nil {
			i.item().label = "left"
		}
		return i.item().rank != 0
	})
}
