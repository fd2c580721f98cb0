package main

import (
	"strings"

	"rpyc"
)

// clientRoot is what the server gets as the client's root.
type clientRoot struct{}

func (*clientRoot) Double(value any) (any, error) {
	switch v := value.(type) {
	case int64:
		return 2 * v, nil
	case string:
		return v + v, nil
	}
	return nil, rpyc.Raise("TypeError", "that cannot be doubled")
}

func (*clientRoot) Join(parts ...string) string { return strings.Join(parts, "-") }

func (*clientRoot) Refuse() error { return rpyc.Raise("PermissionError", "not today") }

// thing is an object of the client that the server gets by reference.
type thing struct {
	name string
}

func (*thing) DescribeRPyC(c *rpyc.Class) {
	c.Name("client", "LocalThing")
	c.Property("name", func(t *thing) string { return t.name }, nil, nil)
	c.Method("__len__()", func(*thing) int { return 11 })
	c.Hide("Secret")
}

func (t *thing) Hello(args ...any) rpyc.Tuple { return append(rpyc.Tuple{"hello", t.name}, args...) }
func (t *thing) String() string               { return "thing " + t.name }
func (t *thing) GoString() string             { return "<LocalThing>" }
func (t *thing) Secret() string               { return "no" }

func valueError() error { return rpyc.Raise("ValueError", "from the client", 5) }

var callbackChecks = []check{
	{"callback-plain", func(c *checker) {
		equal(c.call("call", func(a, b int) int { return a * b }, 6, 7), int64(42))
	}},
	{"callback-keywords", func(c *checker) {
		scale := rpyc.Func("scale(a, scale=1)", func(a, scale int) int { return a * scale })
		equal(c.call("call", scale, 6, rpyc.Keywords{"scale": 3}), int64(18))
		equal(c.call("call", scale, 6), int64(6))
	}},
	{"callback-many", func(c *checker) {
		squares := rpyc.Tuple{}
		for i := int64(0); i < 20; i++ {
			squares = append(squares, i*i)
		}
		next := 0
		equal(c.call("call_n", func(i int) int {
			isTrue(i == next)
			next++
			return i * i
		}, 20), squares)
	}},
	{"callback-exception-caught-there", func(c *checker) {
		equal(c.call("call_catch", valueError), rpyc.Tuple{"raised", "ValueError", rpyc.Tuple{"from the client", int64(5)}})
		equal(c.call("call_catch", func(value any) any { return value }, 9), rpyc.Tuple{"returned", int64(9)})
	}},
	{"callback-exception-passes-through", func(c *checker) {
		remote := raises("KeyError", c.fails("call", func() error { return rpyc.Raise("KeyError", "round trip") }))
		equal(remote.Args, []any{"round trip"})
	}},
	{"callback-recursion", func(c *checker) {
		var deeper func(depth int) (int, error)
		deeper = func(depth int) (int, error) { return rpyc.Call[int](c.ctx, c.root, "recurse", deeper, depth) }
		equal(some(deeper(10)), 10)
	}},
	{"object-passed-and-called", func(c *checker) {
		equal(c.call("call_method", &thing{"t1"}, "hello", 1, "x"), rpyc.Tuple{"hello", "t1", int64(1), "x"})
	}},
	{"object-passed-and-described", func(c *checker) {
		equal(c.call("describe", &thing{"t2"}), rpyc.Tuple{"thing t2", "<LocalThing>", int64(11), true})
	}},
	{"object-denies-private", func(c *checker) {
		raises("AttributeError", c.fails("call_method", &thing{"t3"}, "secret"))
	}},
	{"object-round-trip-identity", func(c *checker) {
		mine := &thing{"t4"}
		isTrue(c.call("echo", mine) == any(mine))
		equal(c.call("is_same", mine, mine), true)
		equal(c.call("is_same", mine, &thing{"t5"}), false)
		back := c.call("echo", rpyc.Tuple{1, mine, rpyc.Tuple{mine, 2}}).(rpyc.Tuple)
		isTrue(back[1] == any(mine) && back[2].(rpyc.Tuple)[0] == any(mine))
	}},
	{"object-held-by-server", func(c *checker) {
		mine := &thing{"held"}
		c.call("hold", mine)
		isTrue(c.call("get_held") == any(mine))
		c.call("release")
		equal(c.call("get_held"), nil)
	}},
	{"list-passed-by-reference", func(c *checker) {
		equal(c.call("total", []int{1, 2, 3}), int64(6))
		next := 0
		squares := rpyc.NewIterator(func() (any, error) {
			if next == 5 {
				return nil, rpyc.Raise("StopIteration")
			}
			next++
			return (next - 1) * (next - 1), nil
		})
		equal(c.call("total", squares), int64(30))
		isTrue(c.call("echo", squares) == any(squares))
	}},
	{"client-root-used", func(c *checker) {
		equal(c.call("ask_root", "double", 21), int64(42))
		equal(c.call("ask_root", "join", "a", "b"), "a-b")
		equal(raises("PermissionError", c.fails("ask_root", "refuse")).Args[0], "not today")
	}},
	{"server-calls-later", func(c *checker) {
		got := make(chan any, 1)
		c.call("later", 0.15, func(value any) { got <- value }, "tick")
		select {
		case value := <-got:
			equal(value, "tick")
		case <-c.ctx.Done():
			fail("no call came")
		}
	}},
}
