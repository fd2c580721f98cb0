package main

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
	"math/big"
	"runtime"
	"sort"
	"sync"
	"time"

	"rpyc"
)

// root is the service, one for each connection.
type root struct {
	conn   *rpyc.Conn
	shared *item

	mu   sync.Mutex
	held any
}

func newRoot(conn *rpyc.Conn) (any, error) {
	return &root{conn: conn, shared: newItem("shared")}, nil
}

func (*root) DescribeRPyC(c *rpyc.Class) {
	c.Name("interop", "InteropService")
	c.Doc("The service of the interop contract.")
	c.Aliases("INTEROP", "INTEROPALIAS")
	c.Property("contract", func(*root) int { return 1 }, nil, nil)
	for signature, method := range map[string]string{
		"add(a, b)":                     "Add",
		"echo(value)":                   "Echo",
		"kind(value)":                   "Kind",
		"sample(name)":                  "Sample",
		"concat(first, *rest, **named)": "Concat",
		"defaults(a, b=2, *, c=3)":      "Defaults",
		"call(func, *args, **kwargs)":   "Call",
		"ctx(swallow=False)":            "Ctx",
	} {
		c.Method(signature, method)
	}
}

func (r *root) OnDisconnect(*rpyc.Conn) {
	r.Release()
}

// ---------------------------------------------------------------- values

func (*root) Implementation() string { return "librpyc " + rpyc.Version() + " in Go" }

func (*root) Add(a, b any) (any, error) { return add(a, b) }

func add(a, b any) (any, error) {
	switch a := a.(type) {
	case string:
		if b, ok := b.(string); ok {
			return a + b, nil
		}
	case rpyc.Tuple:
		if b, ok := b.(rpyc.Tuple); ok {
			return append(append(rpyc.Tuple{}, a...), b...), nil
		}
	default:
		x, y := asInt(a), asInt(b)
		if x != nil && y != nil {
			return new(big.Int).Add(x, y), nil
		}
	}
	return nil, rpyc.Raise("TypeError", "these cannot be added")
}

func asInt(value any) *big.Int {
	switch v := value.(type) {
	case int64:
		return big.NewInt(v)
	case *big.Int:
		return v
	}
	return nil
}

func (*root) Echo(value any) any { return value }

func (*root) Kind(value any) string {
	switch v := value.(type) {
	case nil:
		return "none"
	case bool:
		return "bool"
	case int64, *big.Int:
		return "int"
	case float64:
		return "float"
	case complex128:
		return "complex"
	case string:
		return "str"
	case []byte:
		return "bytes"
	case rpyc.Tuple:
		return "tuple"
	case rpyc.Slice:
		return "slice"
	case rpyc.FrozenSet:
		return "frozenset"
	case *rpyc.Object:
		return "ref"
	default:
		switch v {
		case rpyc.Ellipsis:
			return "ellipsis"
		case rpyc.NotImplemented:
			return "notimplemented"
		}
	}
	return "own"
}

var samples = map[string]any{
	"none": nil, "true": true, "false": false, "zero": 0, "int": 12345, "negative": -49, "imm-low": -48, "imm-high": 159,
	"int64-min": int64(math.MinInt64), "uint64-max": uint64(math.MaxUint64),
	"huge": new(big.Int).Exp(big.NewInt(10), big.NewInt(300), nil), "float": 1.5, "minus-zero": math.Copysign(0, -1),
	"inf": math.Inf(1), "nan": math.NaN(), "complex": complex(1.5, -2.5), "str": "text", "str-empty": "",
	"str-unicode": "\u05e9\u20ac\U0001f600", "bytes": []byte{0, 0xff}, "bytes-empty": []byte{}, "bytes-256": allBytes(),
	"tuple": rpyc.Tuple{1, "two", rpyc.Tuple{3.0, nil}}, "tuple-empty": rpyc.Tuple{}, "tuple-300": numbers(300),
	"slice": rpyc.Slice{Start: 1, Step: 2}, "frozenset": rpyc.FrozenSet{1, 2, 3}, "ellipsis": rpyc.Ellipsis,
	"notimplemented": rpyc.NotImplemented,
}

func allBytes() []byte {
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	return all
}

func numbers(count int) rpyc.Tuple {
	all := make(rpyc.Tuple, count)
	for i := range all {
		all[i] = int64(i)
	}
	return all
}

func (*root) Sample(name string) (any, error) {
	value, ok := samples[name]
	if !ok {
		return nil, rpyc.Raise("KeyError", name)
	}
	return value, nil
}

func (*root) Concat(first any, named rpyc.Keywords, rest ...any) rpyc.Tuple {
	return rpyc.Tuple{first, rpyc.Tuple(rest), pairs(named)}
}

// pairs gives keywords as a sorted tuple of pairs.
func pairs(named rpyc.Keywords) rpyc.Tuple {
	names := make([]string, 0, len(named))
	for name := range named {
		names = append(names, name)
	}
	sort.Strings(names)
	all := rpyc.Tuple{}
	for _, name := range names {
		all = append(all, rpyc.Tuple{name, named[name]})
	}
	return all
}

func (*root) Defaults(a, b, c any) rpyc.Tuple { return rpyc.Tuple{a, b, c} }

func (*root) Nothing() {}

// ---------------------------------------------------------------- calls back

func (*root) Call(ctx context.Context, f *rpyc.Object, named rpyc.Keywords, args ...any) (any, error) {
	return f.Call(ctx, append(args, named)...)
}

func (*root) CallN(ctx context.Context, f func(int) (any, error), count int) (rpyc.Tuple, error) {
	results := rpyc.Tuple{}
	for i := 0; i < count; i++ {
		result, err := f(i)
		if err != nil {
			return nil, err
		}
		results = append(results, result)
	}
	return results, nil
}

func (*root) CallCatch(ctx context.Context, f *rpyc.Object, args ...any) (rpyc.Tuple, error) {
	result, err := f.Call(ctx, args...)
	var remote *rpyc.RemoteError
	if errors.As(err, &remote) {
		return rpyc.Tuple{"raised", remote.Type, rpyc.Tuple(remote.Args)}, nil
	}
	return rpyc.Tuple{"returned", result}, err
}

func (*root) Recurse(ctx context.Context, f *rpyc.Object, depth int) (int, error) {
	if depth <= 0 {
		return 0, nil
	}
	result, err := rpyc.Invoke[int](ctx, f, depth-1)
	return 1 + result, err
}

func (*root) CallMethod(ctx context.Context, obj *rpyc.Object, name string, args ...any) (any, error) {
	method, err := rpyc.Get[*rpyc.Object](ctx, obj, name)
	if err != nil {
		return nil, err
	}
	defer method.Close()
	return method.Call(ctx, args...)
}

func (*root) Describe(ctx context.Context, obj *rpyc.Object) (text, repr string, length int, same bool, err error) {
	if text, err = obj.Str(ctx); err != nil {
		return
	}
	if repr, err = obj.Repr(ctx); err != nil {
		return
	}
	if length, err = obj.Len(ctx); err != nil {
		return
	}
	same, err = obj.Equal(ctx, obj)
	return
}

func (*root) Total(ctx context.Context, iterable *rpyc.Object) (any, error) {
	var sum any = int64(0)
	items := rpyc.Iterate[any](ctx, iterable)
	for items.Next() {
		var err error
		if sum, err = add(sum, items.Value()); err != nil {
			return nil, err
		}
	}
	return sum, items.Err()
}

func (r *root) Hold(obj any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.held = obj
}

func (r *root) GetHeld() any {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.held
}

func (r *root) Release() { r.Hold(nil) }

func (r *root) AskRoot(ctx context.Context, name string, args ...any) (any, error) {
	return r.conn.Root().CallMethod(ctx, name, args...)
}

func (r *root) Later(delay time.Duration, f func(any), value any) {
	go func() {
		defer func() { _ = recover() }() // the connection may be gone by then
		time.Sleep(delay)
		f(value)
	}()
}

// ---------------------------------------------------------------- objects

func (*root) Make(label string) *item       { return newItem(label) }
func (*root) MakeSub(label string) *subItem { return newSubItem(label) }
func (r *root) Shared() *item               { return r.shared }

func (*root) Classes() (*rpyc.ClassObject, *rpyc.ClassObject, error) {
	whole, err := rpyc.ClassOf(&item{})
	if err != nil {
		return nil, nil, err
	}
	sub, err := rpyc.ClassOf(&subItem{})
	return whole, sub, err
}

func (*root) IsSame(a, b any) bool {
	x, okX := a.(*rpyc.Object)
	y, okY := b.(*rpyc.Object)
	if okX && okY {
		return x.Same(y)
	}
	return !okX && !okY && a == b
}

func (*root) Live() int {
	runtime.GC() // an item lives as long as its memory
	return liveItems()
}

func (*root) Collect() {
	runtime.GC()
}

func (*root) MakeList(count int) *list { return &list{items: numbers(count)} }

func (*root) MakeDict() *dict {
	return &dict{entries: rpyc.Dict{{Key: "a", Value: 1}, {Key: "b", Value: rpyc.Tuple{2, 3}}}}
}

func (*root) Gen(count int) *rpyc.Iterator {
	return counting(count, io.EOF, func(i int) any { return i * i })
}

func (*root) GenFail(count int) *rpyc.Iterator {
	return counting(count, rpyc.Raise("ValueError", "generator gave up"), func(i int) any { return i })
}

// counting iterates over of(0) to of(count-1), and ends with an error.
func counting(count int, end error, of func(int) any) *rpyc.Iterator {
	var mu sync.Mutex
	next := 0
	return rpyc.NewIterator(func() (any, error) {
		mu.Lock()
		defer mu.Unlock()
		if next >= count {
			return nil, end
		}
		next++
		return of(next - 1), nil
	})
}

func (*root) Mixed() rpyc.Tuple {
	return rpyc.Tuple{1, "two", newItem("three"), rpyc.Tuple{4, &list{items: []any{5, 6}}}, nil}
}

func (*root) Ctx(swallow bool) *manager { return &manager{state: "new", swallow: swallow} }

func (*root) Adder(base int) func(int) int { return func(value int) int { return base + value } }

// ---------------------------------------------------------------- exceptions, bulk, time

var known = map[string]bool{
	"ValueError": true, "KeyError": true, "TypeError": true, "ZeroDivisionError": true, "AttributeError": true,
	"RuntimeError": true, "StopIteration": true, "FileNotFoundError": true, "NotImplementedError": true,
	"IndexError": true, "ImportError": true,
}

func (*root) Fail(name string, args ...any) error {
	if name == "CustomError" {
		return &rpyc.Exception{Type: "interop.CustomError", Args: args, Attributes: map[string]any{"code": 7}}
	}
	if !known[name] {
		return rpyc.Raise("KeyError", name)
	}
	failure := &rpyc.Exception{Type: name, Args: args}
	if name == "FileNotFoundError" && len(args) == 2 {
		failure.Attributes = map[string]any{"errno": args[0], "strerror": args[1]}
	}
	return failure
}

func (*root) Divide(a, b int64) (int64, error) {
	if b == 0 {
		return 0, rpyc.Raise("ZeroDivisionError", "integer division or modulo by zero")
	}
	quotient := a / b
	if a%b != 0 && (a < 0) != (b < 0) {
		quotient--
	}
	return quotient, nil
}

func (*root) Blob(size int) []byte {
	blob := make([]byte, 0, size+sha256.Size)
	for i := uint64(0); len(blob) < size; i++ {
		block := sha256.Sum256(binary.BigEndian.AppendUint64([]byte("interop"), i))
		blob = append(blob, block[:]...)
	}
	return blob[:size]
}

func (*root) Zeros(size int) []byte { return make([]byte, size) }

func (*root) Digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

func (*root) Slow(ctx context.Context, delay time.Duration, value any) (any, error) {
	return value, sleep(ctx, delay)
}

func (*root) SlowFail(ctx context.Context, delay time.Duration) error {
	if err := sleep(ctx, delay); err != nil {
		return err
	}
	return rpyc.Raise("ValueError", "late failure")
}

func sleep(ctx context.Context, delay time.Duration) error {
	select {
	case <-time.After(delay):
		return nil
	case <-ctx.Done():
		return fmt.Errorf("the caller is gone: %w", ctx.Err())
	}
}
