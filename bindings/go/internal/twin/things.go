package main

import (
	"context"
	"errors"
	"math/big"
	"sort"
	"strings"

	"rpyc"
)

// isPlain reports whether a value is plain data, on which no operation uses the protocol.
func isPlain(value any) bool {
	switch value {
	case nil, any(rpyc.Ellipsis), any(rpyc.NotImplemented):
		return true
	}
	switch value.(type) {
	case bool, int64, *big.Int, float64, complex128, string, []byte, rpyc.Slice:
		return true
	}
	return false
}

// isData is isPlain for types that also include values which cannot be compared.
func isData(value any) bool {
	switch value.(type) {
	case rpyc.Tuple, rpyc.FrozenSet, rpyc.Slice, []byte:
		return true
	}
	return isPlain(value)
}

func held(value any) error {
	if isData(value) {
		return rpyc.Raise("TypeError", "no object")
	}
	return nil
}

// errOwn is the error of an operation that Go does not have for local objects.
func errOwn() error { return rpyc.Raise("NotImplementedError", "own") }

// apply calls a method of any object.
func apply(ctx context.Context, object any, name string, args ...any) (any, error) {
	if err := held(object); err != nil {
		return nil, err
	}
	if remote, ok := object.(*rpyc.Object); ok {
		return remote.CallMethod(ctx, name, args...)
	}
	switch object.(type) {
	case *rpyc.Function, *rpyc.ClassObject:
		return nil, errOwn()
	}
	method, err := rpyc.Attribute(ctx, object, name)
	if err != nil {
		if strings.HasPrefix(name, "__") && errors.Is(err, rpyc.Type("AttributeError")) {
			return nil, errOwn()
		}
		return nil, err
	}
	return call(ctx, method, args, nil)
}

func call(ctx context.Context, function any, args []any, named rpyc.Keywords) (any, error) {
	if err := held(function); err != nil {
		return nil, err
	}
	if len(named) > 0 {
		args = append(append([]any(nil), args...), named)
	}
	switch f := function.(type) {
	case *rpyc.Object:
		return f.Call(ctx, args...)
	case *rpyc.Function:
		return f.Call(ctx, args...)
	case *rpyc.ClassObject:
		return nil, errOwn()
	}
	return apply(ctx, function, "__call__", args...)
}

func sortedPairs(named rpyc.Keywords) rpyc.Tuple {
	names := make([]string, 0, len(named))
	for name := range named {
		names = append(names, name)
	}
	sort.Strings(names)
	pairs := rpyc.Tuple{}
	for _, name := range names {
		pairs = append(pairs, rpyc.Tuple{name, named[name]})
	}
	return pairs
}

func mix(a, b any, rest []any, c any, named rpyc.Keywords) rpyc.Tuple {
	return rpyc.Tuple{a, b, rpyc.Tuple(rest), c, sortedPairs(named)}
}

// ---------------------------------------------------------------- bags

// Bag has attributes that are created when they are set.
type Bag struct{ values *rpyc.LiveDict }

// DescribeRPyC sets the name.
func (*Bag) DescribeRPyC(c *rpyc.Class) {
	c.Name("things", "Bag")
	c.Doc("Attributes that are made by setting them.")
}

// HasAttrRPyC reports true for existing attributes and for all names without a reserved prefix.
func (b *Bag) HasAttrRPyC(_ context.Context, name string) bool {
	_, found := b.values.Get(name)
	return found || !strings.HasPrefix(name, "_") && !strings.HasPrefix(name, "exposed_")
}

// GetAttrRPyC returns the value that was set.
func (b *Bag) GetAttrRPyC(_ context.Context, name string) (any, error) {
	if value, found := b.values.Get(name); found {
		return value, nil
	}
	if strings.HasPrefix(name, "_") || strings.HasPrefix(name, "exposed_") {
		return nil, rpyc.Raise("AttributeError", name)
	}
	return "no " + name, nil
}

// SetAttrRPyC sets a value.
func (b *Bag) SetAttrRPyC(_ context.Context, name string, value any) error {
	return b.values.Set(name, value)
}

// DelAttrRPyC deletes a value.
func (b *Bag) DelAttrRPyC(_ context.Context, name string) error {
	if !b.values.Delete(name) {
		return rpyc.Raise("AttributeError", "'Bag' object has no attribute '"+name+"'")
	}
	return nil
}

// Bare has only the members that Python gives every object.
type Bare struct{ _ byte } // pointers to zero-size variables may be equal

// DescribeRPyC sets the name.
func (*Bare) DescribeRPyC(c *rpyc.Class) {
	c.Name("things", "Bare")
	c.Doc("An object without anything that Python does not give it.")
}

// Nothing returns None.
func (*Bare) Nothing() {}

// ---------------------------------------------------------------- by name

func newDict(ctx context.Context, pairs []any) (any, error) {
	dict, err := rpyc.NewLiveDict()
	if err != nil {
		return nil, err
	}
	_, err = apply(ctx, dict, "update", rpyc.Tuple(pairs))
	return dict, err
}

func thing(ctx context.Context, kind string, args []any) (any, error) {
	switch kind {
	case "list":
		return rpyc.NewLiveList(args...), nil
	case "dict":
		return newDict(ctx, args)
	case "counter":
		count := 0
		return rpyc.Func("tick(*args)", func(...any) int { count++; return count }), nil
	case "pair":
		return rpyc.Func("pair(a, b=None)", func(a, b any) rpyc.Tuple { return rpyc.Tuple{a, b} }), nil
	case "boom":
		return rpyc.Func("boom(*args)", func(args ...any) error { return rpyc.Raise("ValueError", args...) }), nil
	case "stop":
		return rpyc.Func("stop()", func() error { return rpyc.Raise("StopIteration") }), nil
	case "ask":
		return rpyc.Func("ask(function, *args, **kwargs)", askIt), nil
	case "adder":
		base := args[0]
		return rpyc.Func("add(value, *more)", func(value any, more ...any) rpyc.Tuple { return rpyc.Tuple{base, value, rpyc.Tuple(more)} }), nil
	case "Item", "SubItem":
		item, err := newItem(append(args, int64(0))[0])
		if err != nil || kind == "Item" {
			return item, err
		}
		return &SubItem{item}, nil
	case "Bag":
		values, err := rpyc.NewLiveDict()
		return &Bag{values}, err
	case "Bare":
		return &Bare{}, nil
	case "Item class":
		return rpyc.ClassOf(&Item{})
	case "SubItem class":
		return rpyc.ClassOf(&SubItem{})
	case "mixed":
		item, _ := newItem(int64(3))
		empty, err := rpyc.NewLiveDict()
		return rpyc.Tuple{1, rpyc.NewLiveList(1, 2), rpyc.Tuple{item, empty}}, err
	}
	return nil, rpyc.Raise("LookupError", "no such thing")
}

func askIt(ctx context.Context, function any, named rpyc.Keywords, args ...any) (any, error) {
	return call(ctx, function, args, named)
}
