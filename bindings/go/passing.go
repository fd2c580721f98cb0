package rpyc

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"sync/atomic"
)

// passed is an object of one peer that was sent to another: what is asked of it is passed on. The rules of the connection
// over which it was sent decide about names first, then those of its owner.
type passed struct{ object *Object }

// passedType is a type of another connection's peer: classes and objects that are passed on are those of one class here as
// they are there.
type passedType struct {
	origin *conn
	name   string
	class  *Object // of a second class with that name
}

// otherClass is the class itself, once it has been passed on.
type otherClass struct{ object atomic.Pointer[Object] }

// So many types of other peers are told apart; what else is passed on is of one type.
const mostPassedTypes = 1000

// passedClass gives the class under which an object of another connection is known here, or which that object is.
func (c *conn) passedClass(object, second *Object) (*class, error) {
	key := passedType{object.conn, object.TypeName(), second}
	c.mu.Lock()
	known, many := c.passedOn[key], len(c.passedOn)
	c.mu.Unlock()
	switch {
	case known != nil:
		return known, nil
	case many >= mostPassedTypes:
		key = passedType{name: "librpyc.Passed"}
	}
	made, err := describePassed(key.name)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if known := c.passedOn[key]; known != nil {
		return known, nil
	}
	c.passedOn[key] = made
	return made, nil
}

func describePassed(name string) (*class, error) {
	made, err := describe(reflect.TypeOf(&passed{}))
	if err != nil {
		return nil, err
	}
	made.module, made.name = "", name
	if dot := strings.LastIndexByte(name, '.'); dot >= 0 {
		made.module, made.name = name[:dot], name[dot+1:]
	}
	made.ofOther = &otherClass{}
	sig, err := parseSignature("Passed(*args, **named)")
	if err != nil {
		return nil, err
	}
	made.construct, err = newFunction(reflect.ValueOf(made.ofOther.call), sig, 0)
	return made, err
}

// call makes an object where the class is.
func (o *otherClass) call(ctx context.Context, named Keywords, args ...any) (any, error) {
	class := o.object.Load()
	if class == nil {
		return nil, Raise("TypeError", "cannot create instances: only objects of the class were passed on")
	}
	return class.Call(ctx, append(args, named)...)
}

// passClass gives the handle of a class of another connection, as an object of this one.
func (c *conn) passClass(object *Object) (uint64, error) {
	class, err := c.passedClass(object, nil)
	if err != nil {
		return 0, err
	}
	if strings.TrimPrefix(class.module+"."+class.name, ".") != object.TypeName() {
		return 0, problemf(ErrLimit, "objects of more than %d types were passed on", mostPassedTypes)
	}
	if !class.ofOther.object.CompareAndSwap(nil, object) && !class.ofOther.object.Load().Same(object) {
		if class, err = c.passedClass(object, object); err != nil {
			return 0, err
		}
		class.ofOther.object.Store(object)
	}
	return c.classSelf(class)
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
