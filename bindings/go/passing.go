package rpyc

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"sync"
)

// passed is an object of one peer that was sent to another: what is asked of it is passed on. The rules of the connection
// over which it was sent decide about names first, then those of its owner.
type passed struct{ object *Object }

// Types that peers know as their own, and whose objects they use as such.
var passedTypes = map[string]bool{"list": true, "dict": true, "set": true, "frozenset": true, "tuple": true, "range": true,
	"function": true, "method": true, "builtin_function_or_method": true, "generator": true}

var passedClasses sync.Map // by the name of their type

// class is what peers see: a type of Python's own under its name, all others under one.
func (p *passed) class() (*class, error) {
	name := strings.TrimPrefix(p.object.TypeName(), "builtins.")
	if !passedTypes[name] {
		return classFor(reflect.TypeOf(p))
	}
	if known, ok := passedClasses.Load(name); ok {
		return known.(*class), nil
	}
	made, err := describe(reflect.TypeOf(p))
	if err != nil {
		return nil, err
	}
	made.module, made.name = "builtins", name
	known, _ := passedClasses.LoadOrStore(name, made)
	return known.(*class), nil
}

// DescribeRPyC lets peers use it as what it may be.
func (*passed) DescribeRPyC(c *Class) {
	c.Name("librpyc", "Passed")
	for _, name := range []string{"__iter__", "__next__", "__len__", "__bool__", "__enter__", "__int__", "__float__", "__index__"} {
		call := caller(name)
		c.Method(name+"()", func(p *passed, ctx context.Context) (any, error) { return call(p, ctx) })
	}
	for _, name := range []string{"__getitem__", "__delitem__", "__contains__", "__format__"} {
		call := caller(name)
		c.Method(name+"(key, /)", func(p *passed, ctx context.Context, key any) (any, error) { return call(p, ctx, key) })
	}
	c.Method("__setitem__(key, value, /)", func(p *passed, ctx context.Context, key, value any) (any, error) {
		return p.object.CallMethod(ctx, "__setitem__", key, value)
	})
	c.Method("__exit__(kind, value, traceback, /)", func(p *passed, ctx context.Context, kind, _, _ any) (any, error) {
		return p.object.ask(ctx, handleCtxExit, "", kind != nil)
	})
	c.Method("__call__(*args, **named)", func(p *passed, ctx context.Context, named Keywords, args ...any) (any, error) {
		return p.object.Call(ctx, append(args, named)...)
	})
	c.Method("__str__()", func(p *passed, ctx context.Context) (string, error) { return p.object.Str(ctx) })
	c.Method("__repr__()", func(p *passed, ctx context.Context) (string, error) { return p.object.Repr(ctx) })
	c.Method("__hash__()", func(p *passed, ctx context.Context) (int64, error) { return p.object.Hash(ctx) })
	c.Method("__dir__()", func(p *passed, ctx context.Context) (any, error) { return p.object.ask(ctx, handleDir, "") })
	for _, op := range []string{"__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__"} {
		op := op
		c.Method(op+"(other, /)", func(p *passed, ctx context.Context, other any) (any, error) {
			return p.object.ask(ctx, handleCmp, op, other)
		})
	}
}

func caller(name string) func(*passed, context.Context, ...any) (any, error) {
	return func(p *passed, ctx context.Context, args ...any) (any, error) {
		return p.object.CallMethod(ctx, name, args...)
	}
}

// HasAttrRPyC asks the owner.
func (p *passed) HasAttrRPyC(ctx context.Context, name string) bool {
	_, err := p.object.Get(ctx, name)
	return !errors.Is(err, Type("AttributeError"))
}

// GetAttrRPyC asks the owner.
func (p *passed) GetAttrRPyC(ctx context.Context, name string) (any, error) {
	return p.object.Get(ctx, name)
}

// SetAttrRPyC asks the owner.
func (p *passed) SetAttrRPyC(ctx context.Context, name string, value any) error {
	return p.object.Set(ctx, name, value)
}

// DelAttrRPyC asks the owner.
func (p *passed) DelAttrRPyC(ctx context.Context, name string) error {
	return p.object.Delete(ctx, name)
}
