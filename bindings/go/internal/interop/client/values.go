package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"math/big"
	"strings"

	"rpyc"
)

func power(exponent int64) *big.Int {
	return new(big.Int).Exp(big.NewInt(10), big.NewInt(exponent), nil)
}

var valueChecks = []check{
	{"connect-and-root", func(c *checker) {
		isTrue(c.conn.Root().Same(c.root))
		equal(c.get(c.root, "contract"), int64(1))
	}},
	{"ping", func(c *checker) { ok(c.conn.Ping(c.ctx)) }},
	{"service-name", func(c *checker) {
		equal(c.call("get_service_name"), "INTEROP")
		equal(c.call("get_service_aliases"), rpyc.Tuple{"INTEROP", "INTEROPALIAS"})
	}},
	{"implementation-text", func(c *checker) {
		some(rpyc.Call[string](c.ctx, c.root, "implementation"))
	}},
	{"call-positional", func(c *checker) {
		equal(c.call("add", 2, 3), int64(5))
		equal(c.call("add", "a", "b"), "ab")
		equal(c.call("add", rpyc.Tuple{1}, rpyc.Tuple{2}), rpyc.Tuple{int64(1), int64(2)})
	}},
	{"call-keywords", func(c *checker) {
		equal(c.call("concat", "x", 1, 2, rpyc.Keywords{"b": "B", "a": "A"}),
			rpyc.Tuple{"x", rpyc.Tuple{int64(1), int64(2)}, rpyc.Tuple{rpyc.Tuple{"a", "A"}, rpyc.Tuple{"b", "B"}}})
		equal(c.call("concat", "x"), rpyc.Tuple{"x", rpyc.Tuple{}, rpyc.Tuple{}})
		equal(c.call("add", rpyc.Keywords{"a": 1, "b": 2}), int64(3))
		equal(c.call("add", 1, rpyc.Keywords{"b": 2}), int64(3))
	}},
	{"call-keywords-unicode", func(c *checker) {
		equal(c.call("concat", "x", rpyc.Keywords{"été": 1}),
			rpyc.Tuple{"x", rpyc.Tuple{}, rpyc.Tuple{rpyc.Tuple{"été", int64(1)}}})
	}},
	{"call-keyword-by-reference", func(c *checker) {
		mine := &thing{"mine"}
		got := c.call("concat", "x", rpyc.Keywords{"key": mine}).(rpyc.Tuple)
		isTrue(got[2].(rpyc.Tuple)[0].(rpyc.Tuple)[1] == any(mine))
	}},
	{"call-defaults", func(c *checker) {
		equal(c.call("defaults", 1), rpyc.Tuple{int64(1), int64(2), int64(3)})
		equal(c.call("defaults", 1, 5), rpyc.Tuple{int64(1), int64(5), int64(3)})
		equal(c.call("defaults", 1, rpyc.Keywords{"c": 9}), rpyc.Tuple{int64(1), int64(2), int64(9)})
	}},
	{"call-wrong-arguments", func(c *checker) {
		raises("TypeError", c.fails("add", 1))
		raises("TypeError", c.fails("add", 1, 2, rpyc.Keywords{"nope": 3}))
	}},
	{"call-returns-none", func(c *checker) { equal(c.call("nothing"), nil) }},
	{"method-object-reused", func(c *checker) {
		add := c.get(c.root, "add").(*rpyc.Object)
		for i := 0; i < 5; i++ {
			equal(some(rpyc.Invoke[int](c.ctx, add, i, i)), 2*i)
		}
	}},
	{"echo-scalars", func(c *checker) {
		for _, value := range []any{nil, true, false, int64(0), int64(1), int64(-1), int64(-48), int64(-49), int64(159),
			int64(160), int64(255), int64(256), int64(1<<31 - 1), int64(-1 << 31), int64(1 << 32), int64(math.MaxInt64),
			int64(math.MinInt64), new(big.Int).Lsh(big.NewInt(1), 64), power(300), new(big.Int).Neg(power(300)), 0.0, 1.5,
			-2.25, 1e308, 5e-324, complex(1, -2), rpyc.Ellipsis, rpyc.NotImplemented} {
			equal(c.call("echo", value), value)
		}
	}},
	{"echo-float-specials", func(c *checker) {
		for _, bits := range []uint64{0x8000000000000000, 0x7ff0000000000000, 0xfff0000000000000, 0x7ff8000000000000,
			0xfff8000000000000, 0x7ff800000000002a} {
			equal(math.Float64bits(some(rpyc.Call[float64](c.ctx, c.root, "echo", math.Float64frombits(bits)))), bits)
		}
	}},
	{"echo-strings", func(c *checker) {
		for _, value := range []string{"", "a", "abcd", "abcde", strings.Repeat("x", 255), strings.Repeat("x", 256), "é",
			"\u05e9\u05dc\u05d5\u05dd", "\U0001f600", "\x00", "\uffff", "\U0010ffff", "line\nline", "\ufeff"} {
			equal(c.call("echo", value), value)
		}
	}},
	{"echo-bytes", func(c *checker) {
		for _, size := range []int{0, 1, 2, 3, 4, 5, 255, 256, 257} {
			data := make([]byte, size)
			for i := range data {
				data[i] = byte(i)
			}
			equal(c.call("echo", data), data)
		}
	}},
	{"echo-tuples", func(c *checker) {
		for _, size := range []int{0, 1, 2, 3, 4, 5, 255, 256, 300} {
			equal(c.call("echo", ints(size)), ints(size))
		}
		nested := rpyc.Tuple{rpyc.Tuple{int64(1), rpyc.Tuple{int64(2), rpyc.Tuple{int64(3), rpyc.Tuple{}}}}, rpyc.Tuple{"a", []byte("b")}}
		equal(c.call("echo", nested), nested)
	}},
	{"echo-slices", func(c *checker) {
		for _, value := range []rpyc.Slice{{}, {Start: int64(1), Stop: int64(2), Step: int64(3)}, {Stop: int64(-1)}, {Start: "a", Step: 2.5}} {
			equal(c.call("echo", value), value)
		}
	}},
	{"echo-frozensets", func(c *checker) {
		for _, value := range []rpyc.FrozenSet{{}, {int64(1)}, {int64(1), int64(2), int64(3)}, rpyc.FrozenSet(ints(300)), {"a", rpyc.Tuple{int64(1), int64(2)}, nil}} {
			got := c.call("echo", value).(rpyc.FrozenSet)
			equal(len(got), len(value))
			seen := map[string]bool{}
			for _, item := range got {
				seen[fmt.Sprintf("%T %v", item, item)] = true
			}
			for _, item := range value {
				isTrue(seen[fmt.Sprintf("%T %v", item, item)])
			}
		}
	}},
	{"echo-deep-tuple", func(c *checker) {
		deep := rpyc.Tuple{}
		for i := 0; i < 60; i++ {
			deep = rpyc.Tuple{deep}
		}
		equal(c.call("echo", deep), deep)
	}},
	{"kinds-seen-by-server", func(c *checker) {
		for _, pair := range []struct {
			value any
			kind  string
		}{{nil, "none"}, {true, "bool"}, {1, "int"}, {power(40), "int"}, {1.0, "float"}, {1i, "complex"}, {"", "str"},
			{[]byte{}, "bytes"}, {rpyc.Tuple{}, "tuple"}, {rpyc.Slice{Stop: 1}, "slice"}, {rpyc.FrozenSet{}, "frozenset"},
			{rpyc.Ellipsis, "ellipsis"}, {rpyc.NotImplemented, "notimplemented"}, {[]any{}, "ref"}, {map[string]int{}, "ref"},
			{&thing{"k"}, "ref"}, {c.object("shared"), "own"}, {c.root, "own"}} {
			equal(c.call("kind", pair.value), pair.kind)
		}
	}},
	{"samples-from-server", func(c *checker) {
		all := make([]byte, 256)
		for i := range all {
			all[i] = byte(i)
		}
		for name, want := range map[string]any{
			"none": nil, "true": true, "false": false, "zero": int64(0), "int": int64(12345), "negative": int64(-49),
			"imm-low": int64(-48), "imm-high": int64(159), "int64-min": int64(math.MinInt64),
			"uint64-max": new(big.Int).SetUint64(math.MaxUint64), "huge": power(300), "float": 1.5, "inf": math.Inf(1),
			"complex": complex(1.5, -2.5), "str": "text", "str-empty": "", "str-unicode": "\u05e9\u20ac\U0001f600",
			"bytes": []byte{0, 0xff}, "bytes-empty": []byte{}, "bytes-256": all,
			"tuple": rpyc.Tuple{int64(1), "two", rpyc.Tuple{3.0, nil}}, "tuple-empty": rpyc.Tuple{}, "tuple-300": ints(300),
			"slice": rpyc.Slice{Start: int64(1), Step: int64(2)}, "ellipsis": rpyc.Ellipsis, "notimplemented": rpyc.NotImplemented,
		} {
			equal(c.call("sample", name), want)
		}
		equal(len(c.call("sample", "frozenset").(rpyc.FrozenSet)), 3)
		isTrue(math.Signbit(c.call("sample", "minus-zero").(float64)))
		isTrue(math.IsNaN(c.call("sample", "nan").(float64)))
		raises("KeyError", c.fails("sample", "no such sample"))
	}},
	{"bulk-compressible", func(c *checker) {
		for _, size := range []int{2900, 3000, 3100, 64000, 100000, 1 << 20} {
			zeros := make([]byte, size)
			equal(c.call("digest", zeros), digest(zeros))
			isTrue(bytes.Equal(c.call("zeros", size).([]byte), zeros))
		}
	}},
	{"bulk-incompressible", func(c *checker) {
		for _, size := range []int{2985, 3005, 63990, 64010, 200000, 1 << 20} {
			data := noise(size)
			equal(c.call("digest", data), digest(data))
			isTrue(bytes.Equal(c.call("blob", size).([]byte), data))
		}
	}},
	{"bulk-tuple", func(c *checker) { equal(c.call("echo", ints(20000)), ints(20000)) }},
	{"exception-builtin", func(c *checker) {
		for _, name := range []string{"ValueError", "TypeError", "ZeroDivisionError", "AttributeError", "RuntimeError", "IndexError",
			"NotImplementedError", "ImportError"} {
			remote := raises(name, c.fails("fail", name, "message", 2))
			equal(remote.Args, []any{"message", int64(2)})
		}
		equal(raises("KeyError", c.fails("fail", "KeyError", rpyc.Tuple{"k", 1})).Args, []any{rpyc.Tuple{"k", int64(1)}})
	}},
	{"exception-organic", func(c *checker) { raises("ZeroDivisionError", c.fails("divide", 1, 0)) }},
	{"exception-oserror", func(c *checker) {
		remote := raises("FileNotFoundError", c.fails("fail", "FileNotFoundError", 2, "gone"))
		equal(remote.Attributes["errno"], int64(2))
		equal(remote.Args, []any{int64(2), "gone"})
	}},
	{"exception-stop-iteration", func(c *checker) { raises("StopIteration", c.fails("fail", "StopIteration")) }},
	{"exception-custom", func(c *checker) {
		remote := raises("interop.CustomError", c.fails("fail", "CustomError", "special"))
		equal(remote.Args, []any{"special"})
		equal(remote.Attributes["code"], int64(7))
	}},
	{"exception-remote-traceback-text", func(c *checker) {
		remote := raises("ValueError", c.fails("fail", "ValueError", "tb"))
		equal(remote.Error(), "ValueError: tb")
		if !strings.Contains(c.call("implementation").(string), "librpyc") {
			isTrue(strings.Contains(remote.Traceback, "Traceback"))
		}
	}},
	{"exception-then-normal-work", func(c *checker) {
		for i := 0; i < 5; i++ {
			raises("ValueError", c.fails("fail", "ValueError", i))
			equal(c.call("add", i, 1), int64(i+1))
		}
	}},
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

func noise(size int) []byte {
	data := make([]byte, 0, size+sha256.Size)
	for i := uint64(0); len(data) < size; i++ {
		block := sha256.Sum256(binary.BigEndian.AppendUint64([]byte("interop"), i))
		data = append(data, block[:]...)
	}
	return data[:size]
}
