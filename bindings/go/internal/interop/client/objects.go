package main

import (
	"errors"
	"runtime"
	"strings"
	"time"

	"rpyc"
)

// settled is the number of items that live on the server, once it does not change any more.
func (c *checker) settled() any {
	raises("ValueError", c.fails("fail", "ValueError")) // a server may keep the last traceback, with its locals
	var last any
	for calm := 0; calm < 4; {
		runtime.GC()
		c.call("collect")
		now := c.call("live")
		if calm++; now != last {
			calm = 0
		}
		last = now
		time.Sleep(20 * time.Millisecond)
	}
	return last
}

func (c *checker) live() any { return c.call("live") }

func (c *checker) compare(object *rpyc.Object, op string, other any) any {
	return some(object.Compare(c.ctx, op, other))
}

var errInside = errors.New("inside")

var objectChecks = []check{
	{"object-methods", func(c *checker) {
		item := c.object("make", "abc")
		equal(c.method(item, "get"), "abc")
		equal(c.get(item, "label"), "abc")
		isTrue(c.method(item, "rename", "xyz").(*rpyc.Object).Same(item))
		equal(c.get(item, "label"), "xyz")
	}},
	{"object-identity", func(c *checker) {
		one := c.object("shared")
		isTrue(one.Same(c.object("shared")))
		equal(c.call("is_same", one, c.object("shared")), true)
		equal(c.call("is_same", one, c.object("make", "shared")), false)
		equal(c.method(one, "same", one), true)
	}},
	{"object-property", func(c *checker) {
		item := c.object("make", "p")
		equal(c.get(item, "value"), int64(0))
		ok(item.Set(c.ctx, "value", 41))
		equal(c.get(item, "value"), int64(41))
		raises("TypeError", item.Set(c.ctx, "value", "text"))
		equal(c.get(item, "value"), int64(41))
		ok(item.Delete(c.ctx, "value"))
		equal(c.get(item, "value"), int64(0))
	}},
	{"object-operators", func(c *checker) {
		a, b, a2 := c.object("make", "a"), c.object("make", "b"), c.object("make", "a")
		equal(c.compare(a, "==", a2), true)
		equal(c.compare(a, "!=", b), true)
		equal(c.compare(a, "<", b), true)
		equal(c.compare(b, ">", a), true)
		equal(c.compare(a, "==", "a"), true)
		equal(c.compare(a, "!=", "b"), true)
		equal(c.compare(a, "<", a2), false)
		equal(c.compare(a, "==", 5), false)
		equal(c.compare(a, "!=", 5), true)
		equal(c.compare(a, "<", 5), rpyc.NotImplemented)
		equal(c.method(a, "__add__", "!"), "a!")
		equal(c.method(a, "__radd__", "!"), "!a")
	}},
	{"object-hash", func(c *checker) {
		equal(some(c.object("make", "ab").Hash(c.ctx)), int64(97+98))
		equal(some(c.object("make", "ab").Hash(c.ctx)), int64(97+98))
	}},
	{"object-text", func(c *checker) {
		item := c.object("make", "txt")
		equal(some(item.Str(c.ctx)), "item txt")
		equal(some(item.Repr(c.ctx)), "<Item txt>")
	}},
	{"object-container", func(c *checker) {
		item := c.object("make", "hello")
		equal(some(item.Len(c.ctx)), 5)
		equal(c.method(item, "__bool__"), true)
		equal(c.method(c.object("make", "false"), "__bool__"), false)
		equal(some(item.Contains(c.ctx, "ell")), true)
		equal(some(item.Contains(c.ctx, "xyz")), false)
		equal(c.list(item), []any{"h", "e", "l", "l", "o"})
		ok(item.SetItem(c.ctx, "k", rpyc.Tuple{1, 2}))
		equal(some(item.Item(c.ctx, "k")), rpyc.Tuple{int64(1), int64(2)})
		ok(item.DeleteItem(c.ctx, "k"))
		_, err := item.Item(c.ctx, "k")
		raises("KeyError", err)
	}},
	{"object-called", func(c *checker) {
		item := c.object("make", "f")
		equal(some(item.Call(c.ctx, 1, "x", rpyc.Keywords{"k": 2})),
			rpyc.Tuple{"f", rpyc.Tuple{int64(1), "x"}, rpyc.Tuple{rpyc.Tuple{"k", int64(2)}}})
	}},
	{"object-dir", func(c *checker) {
		found := false
		for _, name := range some(c.object("make", "d").Dir(c.ctx)) {
			found = found || strings.HasSuffix(name, "get")
		}
		isTrue(found)
	}},
	{"object-denied", func(c *checker) {
		item := c.object("make", "d")
		for _, name := range []string{"hidden", "_value", "no_such_thing"} {
			_, err := item.Get(c.ctx, name)
			raises("AttributeError", err)
		}
		raises("AttributeError", c.fails("no_such_method"))
		raises("AttributeError", item.Set(c.ctx, "hidden", 1))
		raises("AttributeError", c.root.Set(c.ctx, "contract", 2))
		equal(c.get(c.root, "contract"), int64(1))
	}},
	{"object-isinstance", func(c *checker) {
		classes := c.call("classes").(rpyc.Tuple)
		itemClass, subClass := classes[0].(*rpyc.Object), classes[1].(*rpyc.Object)
		item, sub := c.object("make", "i"), c.object("make_sub", "s")
		isTrue(itemClass.IsClass() && subClass.IsClass() && !item.IsClass())
		equal(some(item.IsInstance(c.ctx, itemClass)), true)
		equal(some(sub.IsInstance(c.ctx, subClass)), true)
		equal(some(item.IsInstance(c.ctx, subClass)), false)
		equal(some(c.object("make_list", 1).IsInstance(c.ctx, itemClass)), false)
		_, err := item.IsInstance(c.ctx, sub)
		isTrue(errors.Is(err, rpyc.ErrType))
	}},
	{"object-class-called", func(c *checker) {
		class := c.call("classes").(rpyc.Tuple)[0].(*rpyc.Object)
		item := some(rpyc.Invoke[*rpyc.Object](c.ctx, class, "made by class"))
		equal(c.method(item, "get"), "made by class")
	}},
	{"object-closure", func(c *checker) {
		equal(some(rpyc.Invoke[int](c.ctx, c.object("adder", 10), 5)), 15)
	}},
	{"tuple-with-references", func(c *checker) {
		mixed := c.call("mixed").(rpyc.Tuple)
		equal(mixed[:2], rpyc.Tuple{int64(1), "two"})
		equal(mixed[4], nil)
		equal(c.get(mixed[2].(*rpyc.Object), "label"), "three")
		nested := mixed[3].(rpyc.Tuple)
		equal(nested[0], int64(4))
		equal(c.list(nested[1].(*rpyc.Object)), []any{int64(5), int64(6)})
	}},
	{"objects-released", func(c *checker) {
		base := c.settled().(int64)
		items := []*rpyc.Object{}
		for i := 0; i < 20; i++ {
			items = append(items, c.object("make", "n"))
		}
		equal(c.live(), base+20)
		for _, item := range items[5:] {
			ok(item.Close())
		}
		eventually(c.live, base+5)
		runtime.KeepAlive(items) // the rest is left to the garbage collector
		eventually(c.live, base)
	}},
	{"object-released-after-many-receptions", func(c *checker) {
		base := c.settled().(int64)
		item := c.object("make", "many")
		for i := 0; i < 10; i++ {
			isTrue(c.object("echo", item).Same(item))
		}
		equal(c.live(), base+1)
		equal(c.get(item, "label"), "many")
		runtime.KeepAlive(item)
		eventually(c.live, base)
	}},
	{"object-revived", func(c *checker) {
		ok(c.object("shared").Close())
		equal(c.get(c.object("shared"), "label"), "shared")
	}},
	{"list-reference", func(c *checker) {
		data := c.object("make_list", 10)
		equal(some(data.Len(c.ctx)), 10)
		equal(some(rpyc.At[int](c.ctx, data, 3)), 3)
		equal(some(rpyc.At[int](c.ctx, data, -1)), 9)
		equal(some(rpyc.At[[]int](c.ctx, data, rpyc.Slice{Start: 2, Stop: 5})), []int{2, 3, 4})
		equal(c.list(data), []any(ints(10)))
		equal(some(data.Contains(c.ctx, 4)), true)
		equal(some(data.Contains(c.ctx, 40)), false)
		ok(data.SetItem(c.ctx, 0, "zero"))
		equal(some(data.Item(c.ctx, 0)), "zero")
		ok(data.DeleteItem(c.ctx, 0))
		equal(some(data.Len(c.ctx)), 9)
		_, err := data.Item(c.ctx, 99)
		raises("IndexError", err)
	}},
	{"dict-reference", func(c *checker) {
		data := c.object("make_dict")
		equal(some(rpyc.At[int](c.ctx, data, "a")), 1)
		equal(some(rpyc.At[[2]int](c.ctx, data, "b")), [2]int{2, 3})
		equal(some(data.Len(c.ctx)), 2)
		equal(some(data.Contains(c.ctx, "a")), true)
		equal(some(data.Contains(c.ctx, "z")), false)
		equal(some(rpyc.Call[map[string]any](c.ctx, c.root, "make_dict")),
			map[string]any{"a": int64(1), "b": rpyc.Tuple{int64(2), int64(3)}})
		_, err := data.Item(c.ctx, "z")
		raises("KeyError", err)
	}},
	{"generator", func(c *checker) {
		equal(c.list(c.object("gen", 6)), []any{int64(0), int64(1), int64(4), int64(9), int64(16), int64(25)})
		equal(c.list(c.object("gen", 0)), []any{})
		two := rpyc.Iterate[int](c.ctx, c.object("gen", 2))
		isTrue(two.Next() && two.Value() == 0 && two.Next() && two.Value() == 1)
		isTrue(!two.Next() && two.Err() == nil)
	}},
	{"generator-fails", func(c *checker) {
		items := rpyc.Iterate[int](c.ctx, c.object("gen_fail", 3))
		for i := 0; i < 3; i++ {
			isTrue(items.Next() && items.Value() == i)
		}
		isTrue(!items.Next())
		raises("ValueError", items.Err())
	}},
	{"buffered-iteration", func(c *checker) {
		count := func(source *rpyc.Object, chunk int, want func(int) int) int {
			items, i := rpyc.IterateChunks[int](c.ctx, source, chunk), 0
			for ; items.Next(); i++ {
				isTrue(items.Value() == want(i))
			}
			if err := items.Err(); err != nil {
				raises("ValueError", err)
				return -1
			}
			return i
		}
		same := func(i int) int { return i }
		equal(count(c.object("make_list", 100), 20, same), 100)
		equal(count(c.object("gen", 37), 5, func(i int) int { return i * i }), 37)
		equal(count(c.object("make_list", 0), 5, same), 0)
		equal(count(c.object("gen_fail", 25), 10, same), -1)
	}},
	{"context-manager", func(c *checker) {
		ctx := c.object("ctx")
		equal(c.method(ctx, "state"), "new")
		ok(ctx.With(c.ctx, func(entered any) error {
			isTrue(entered.(*rpyc.Object).Same(ctx))
			equal(c.method(ctx, "state"), "entered")
			return nil
		}))
		equal(c.method(ctx, "state"), "exited")
	}},
	{"context-manager-error", func(c *checker) {
		inside := func(any) error { return errInside }
		ctx := c.object("ctx")
		isTrue(ctx.With(c.ctx, inside) == errInside)
		equal(c.method(ctx, "state"), "exited with an error")
		swallowing := c.object("ctx", rpyc.Keywords{"swallow": true})
		ok(swallowing.With(c.ctx, inside))
		equal(c.method(swallowing, "state"), "exited with an error")
	}},
}
