// Command numbers checks the conversion of objects that represent numbers, strings and bytes: "numbers call ADDRESS"
// calls tests/run/clients/numbers_server.py, and "numbers serve" is a service for numbers_client.py.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"math"
	"os"
	"reflect"
	"strings"
	"time"

	"rpyc"
)

var passed, failed int

func check(good bool, what ...any) {
	if good {
		passed++
		return
	}
	failed++
	fmt.Fprintln(os.Stderr, append([]any{"not so:"}, what...)...)
}

// told returns the result of a conversion, or the name of Python's exception.
func told[T any](ctx context.Context, thing any) (any, string) {
	got, err := rpyc.As[T](ctx, thing)
	var remote *rpyc.RemoteError
	var raised *rpyc.Exception
	switch {
	case errors.As(err, &remote):
		return nil, remote.Type
	case errors.As(err, &raised):
		return nil, raised.Type
	case errors.Is(err, rpyc.ErrRange):
		return nil, "OverflowError"
	case errors.Is(err, rpyc.ErrType):
		return nil, "TypeError"
	case err != nil:
		return nil, err.Error()
	}
	return got, ""
}

func compare[T any](ctx context.Context, root *rpyc.Object, index int64, kind string) {
	thing, err := root.CallMethod(ctx, "thing", index)
	object, ok := thing.(*rpyc.Object)
	if err != nil || !ok {
		check(err == nil, err)
		return
	}
	switch object.TypeName() {
	case "builtins.bytearray", "builtins.memoryview", "numpy.ndarray":
		if kind == "bytes" {
			return // which become bytes as a whole
		}
	}
	native, err := rpyc.Call[rpyc.Tuple](ctx, root, "native", index, kind)
	if err != nil {
		log.Fatal(err)
	}
	name, _ := rpyc.Call[string](ctx, root, "name", index)
	ours, problem := told[T](ctx, thing)
	theirs := native[1]
	if native[0] == "error" {
		check(problem == theirs, kind, "of", name, "is", ours, problem, "and natively", theirs)
		return
	}
	if _, err := rpyc.As[T](ctx, theirs); errors.Is(err, rpyc.ErrRange) {
		check(problem == "OverflowError", kind, "of", name, "is", ours, problem)
		return
	}
	a, isFloat := ours.(float64)
	b, _ := theirs.(float64)
	check(reflect.DeepEqual(ours, theirs) || isFloat && math.IsNaN(a) && math.IsNaN(b), kind, "of", name, "is", ours, problem, "and natively", theirs)
}

func is[T any](got T, err error, want string) {
	text := fmt.Sprintf("%v", got)
	if err != nil {
		text = err.Error()
	}
	check(text == want || err != nil && strings.Contains(text, want), text, "is not", want)
}

func thing[T any](ctx context.Context, root *rpyc.Object, index int) (T, error) {
	return rpyc.Call[T](ctx, root, "thing", index)
}

func call(ctx context.Context, root *rpyc.Object) {
	count, err := rpyc.Call[int64](ctx, root, "count")
	if err != nil {
		log.Fatal(err)
	}
	for i := int64(0); i < count; i++ {
		compare[int64](ctx, root, i, "int")
		compare[float64](ctx, root, i, "float")
		compare[bool](ctx, root, i, "bool")
		compare[string](ctx, root, i, "str")
		compare[[]byte](ctx, root, i, "bytes")
	}
	level := func() *rpyc.Object {
		object, err := thing[*rpyc.Object](ctx, root, 0)
		check(err == nil, err)
		return object
	}
	// Level.HIGH, Color.RED and MyBytes become the values that they represent, in every way of converting a value to a
	// type.
	small, err := thing[uint8](ctx, root, 0)
	is(small, err, "3")
	pointer, err := thing[*float32](ctx, root, 0)
	is(pointer != nil && *pointer == 3, err, "true")
	duration, err := thing[time.Duration](ctx, root, 0)
	is(duration, err, "3s")
	_, err = thing[int](ctx, root, 2)
	is(0, err, "the result must be int, not ")
	_, err = thing[string](ctx, root, 0)
	is("", err, "the result must be str, not ")
	_, err = thing[float64](ctx, root, 16)
	is(0, err, "no float today")
	kept, err := thing[any](ctx, root, 0)
	_, isObject := kept.(*rpyc.Object)
	is(isObject, err, "true")
	several(ctx, root, level)
}

func several(ctx context.Context, root *rpyc.Object, level func() *rpyc.Object) {
	many, err := rpyc.Call[[]float64](ctx, root, "things", 5000)
	is(len(many) == 5000 && many[4999] == 4999, err, "true")
	three, err := rpyc.Call[[3]float32](ctx, root, "things", 3)
	is(three, err, "[0 1 2]")
	set, err := rpyc.Call[map[float64]struct{}](ctx, root, "things", 3)
	is(len(set), err, "3")
	_, err = rpyc.Call[[]int](ctx, root, "things", 3)
	is(0, err, "the result must be int in item 0, not ")
	items := rpyc.Tuple{level(), int64(1), level()}
	mixed, err := rpyc.As[[]int](ctx, items)
	is(mixed, err, "[3 1 3]")
	_, untouched := items[0].(*rpyc.Object)
	check(untouched, "the tuple itself has changed")
	red, _ := thing[*rpyc.Object](ctx, root, 2)
	dict, err := rpyc.As[map[string]float64](ctx, rpyc.Dict{{Key: red, Value: level()}, {Key: "b", Value: int64(2)}})
	is(dict, err, "map[b:2 red é:3]")

	// A conversion ends with its context.
	slow, err := rpyc.Call[*rpyc.Object](ctx, root, "slow")
	check(err == nil, err)
	short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	_, err = rpyc.As[float64](short, slow)
	check(errors.Is(err, rpyc.ErrTimeout), "the context ends:", err)
	again, err := thing[int](ctx, root, 0)
	is(again, err, "3")
}

type numbers struct{ point point }

type point struct {
	x     float64
	label string
}

func (*point) DescribeRPyC(c *rpyc.Class) {
	c.Property("x", func(p *point) float64 { return p.x }, func(p *point, x float64) { p.x = x }, nil)
	c.Property("label", func(p *point) string { return p.label }, func(p *point, label string) { p.label = label }, nil)
}

func (*numbers) Int(value int64) int64                    { return value }
func (*numbers) Float(value float64) float64              { return value }
func (*numbers) Bool(value bool) bool                     { return value }
func (*numbers) Str(value string) string                  { return value }
func (*numbers) Bytes(value []byte) []byte                { return value }
func (*numbers) Length(text string) int                   { return len(text) }
func (*numbers) Maybe(value *float64) *float64            { return value }
func (*numbers) Apply(f func(int) float64, n int) float64 { return f(n) }
func (n *numbers) Point() *point                          { return &n.point }

func (*numbers) Floats(values []float64) rpyc.Tuple {
	tuple := make(rpyc.Tuple, len(values))
	for i, value := range values {
		tuple[i] = value
	}
	return tuple
}

func (*numbers) Named(a float64, b int, c float32) (float64, int, float32) { return a, b, c }

func (*numbers) DescribeRPyC(c *rpyc.Class) {
	c.Method("named(a, b=2, *, c=0.5)", "Named")
}

func main() {
	log.SetFlags(0)
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	switch {
	case len(os.Args) == 3 && os.Args[1] == "call":
		conn, err := rpyc.Dial(ctx, os.Args[2])
		if err != nil {
			log.Fatal(err)
		}
		defer conn.Close()
		call(ctx, conn.Root())
		fmt.Printf("%d passed, %d failed\n", passed, failed)
	case len(os.Args) == 2 && os.Args[1] == "serve":
		listener, err := rpyc.Listen(ctx, "tcp://127.0.0.1:0")
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("listening %s://%s\n", listener.Addr().Network(), listener.Addr())
		if err := rpyc.NewServer(&numbers{}, rpyc.WithConfig("allow_setattr", "true")).Serve(ctx, listener); err != nil {
			log.Fatal(err)
		}
	default:
		log.Fatal("usage: numbers call ADDRESS, or numbers serve")
	}
}
