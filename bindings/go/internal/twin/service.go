package main

import (
	"context"
	"errors"

	"rpyc"
)

// root is the service.
type root struct{ kept *rpyc.LiveDict }

func newRoot() (*root, error) {
	kept, err := rpyc.NewLiveDict()
	return &root{kept}, err
}

// DescribeRPyC describes the service.
func (*root) DescribeRPyC(c *rpyc.Class) {
	c.Name("service", "TwinService")
	c.Method("make(kind, *args)", func(_ *root, ctx context.Context, kind string, args ...any) (any, error) {
		return thing(ctx, kind, args)
	})
	c.Method("echo(value)", func(_ *root, value any) any { return value })
	c.Method("mix(a, b=2, *rest, c=3, **named)", func(_ *root, a, b, c any, named rpyc.Keywords, rest ...any) rpyc.Tuple {
		return mix(a, b, rest, c, named)
	})
	c.Method("strict(a, /, b, *, c)", func(_ *root, a, b, c any) rpyc.Tuple { return rpyc.Tuple{a, b, c} })
	c.Method("fail(name, *args)", func(_ *root, name any, args ...any) error {
		if text, ok := name.(string); ok {
			return rpyc.Raise(text, args...)
		}
		return noName()
	})
	c.Method("keep(key, value)", func(r *root, ctx context.Context, key, value any) (any, error) {
		return apply(ctx, r.kept, "__setitem__", key, value)
	})
	c.Method("kept(key)", func(r *root, ctx context.Context, key any) (any, error) {
		return apply(ctx, r.kept, "__getitem__", key)
	})
	c.Method("drop(key)", func(r *root, ctx context.Context, key any) (any, error) {
		return apply(ctx, r.kept, "__delitem__", key)
	})
	c.Method("invoke(key, *args, **kwargs)", func(r *root, ctx context.Context, key any, named rpyc.Keywords, args ...any) (any, error) {
		function, err := apply(ctx, r.kept, "__getitem__", key)
		if err != nil {
			return nil, err
		}
		return call(ctx, function, args, named)
	})
	c.Method("call(function, *args, **kwargs)", func(_ *root, ctx context.Context, function any, named rpyc.Keywords, args ...any) (any, error) {
		return call(ctx, function, args, named)
	})
	c.Method("attempt(function, *args)", attempt)
	c.Method("each(function, items)", each)
	describeOperations(c)
}

func noName() error { return rpyc.Raise("TypeError", "a name is a str") }

func attempt(_ *root, ctx context.Context, function any, args ...any) (any, error) {
	if err := held(function); err != nil {
		return nil, err
	}
	result, err := call(ctx, function, args, nil)
	var remote *rpyc.RemoteError
	var raised *rpyc.Exception
	switch {
	case err == nil:
		return rpyc.Tuple{"returned", result}, nil
	case errors.As(err, &remote):
		return rpyc.Tuple{"raised", remote.Type, rpyc.Tuple(remote.Args)}, nil
	case errors.As(err, &raised):
		return rpyc.Tuple{"raised", raised.Type, rpyc.Tuple(raised.Args)}, nil
	}
	return nil, err
}

func each(_ *root, ctx context.Context, function, items any) (any, error) {
	if err := held(function); err != nil {
		return nil, err
	}
	switch items.(type) {
	case *Item, *SubItem:
		return nil, errOwn()
	}
	made := rpyc.NewLiveList()
	if _, err := apply(ctx, made, "extend", items); err != nil {
		return nil, err
	}
	results := rpyc.Tuple{}
	for _, item := range made.Items() {
		result, err := call(ctx, function, []any{item}, nil)
		if err != nil {
			return nil, err
		}
		results = append(results, result)
	}
	return results, nil
}

// on runs an operation on an object of the peer. For a local object it calls the special method.
func on(ctx context.Context, value any, remote func(*rpyc.Object) (any, error), special string, args ...any) (any, error) {
	if err := held(value); err != nil {
		return nil, err
	}
	if object, ok := value.(*rpyc.Object); ok {
		return remote(object)
	}
	result, err := apply(ctx, value, special, args...)
	if result == any(rpyc.NotImplemented) {
		return nil, errOwn()
	}
	return result, err
}

func describeOperations(c *rpyc.Class) {
	c.Method("method(value, name, *args)", func(_ *root, ctx context.Context, value, name any, args ...any) (any, error) {
		return onAttribute(value, name, func(text string) (any, error) { return apply(ctx, value, text, args...) })
	})
	c.Method("get(value, name)", func(_ *root, ctx context.Context, value, name any) (any, error) {
		return onAttribute(value, name, func(name string) (any, error) { return rpyc.Attribute(ctx, value, name) })
	})
	c.Method("put(value, name, new)", func(_ *root, ctx context.Context, value, name, to any) (any, error) {
		return onAttribute(value, name, func(name string) (any, error) { return nil, rpyc.SetAttribute(ctx, value, name, to) })
	})
	c.Method("remove(value, name)", func(_ *root, ctx context.Context, value, name any) (any, error) {
		return onAttribute(value, name, func(name string) (any, error) {
			if remote, ok := value.(*rpyc.Object); ok {
				return nil, remote.Delete(ctx, name)
			}
			return nil, errOwn()
		})
	})
	c.Method("len(value)", func(_ *root, ctx context.Context, value any) (any, error) {
		return on(ctx, value, func(o *rpyc.Object) (any, error) { return o.Len(ctx) }, "__len__")
	})
	c.Method("item(value, key)", func(_ *root, ctx context.Context, value, key any) (any, error) {
		return on(ctx, value, func(o *rpyc.Object) (any, error) { return o.Item(ctx, key) }, "__getitem__", key)
	})
	c.Method("store(value, key, new)", func(_ *root, ctx context.Context, value, key, to any) (any, error) {
		return on(ctx, value, func(o *rpyc.Object) (any, error) { return nil, o.SetItem(ctx, key, to) }, "__setitem__", key, to)
	})
	c.Method("delete(value, key)", func(_ *root, ctx context.Context, value, key any) (any, error) {
		return on(ctx, value, func(o *rpyc.Object) (any, error) { return nil, o.DeleteItem(ctx, key) }, "__delitem__", key)
	})
	c.Method("has(value, key)", func(_ *root, ctx context.Context, value, key any) (any, error) {
		return on(ctx, value, func(o *rpyc.Object) (any, error) { return o.Contains(ctx, key) }, "__contains__", key)
	})
	c.Method("show(value)", func(_ *root, ctx context.Context, value any) (any, error) {
		return on(ctx, value, func(o *rpyc.Object) (any, error) { return o.Repr(ctx) }, "__repr__")
	})
	c.Method("text(value)", func(_ *root, ctx context.Context, value any) (any, error) {
		return on(ctx, value, func(o *rpyc.Object) (any, error) { return o.Str(ctx) }, "__str__")
	})
	c.Method("hash(value)", func(_ *root, ctx context.Context, value any) (any, error) {
		return on(ctx, value, func(o *rpyc.Object) (any, error) { return o.Hash(ctx) }, "__hash__")
	})
	c.Method("truth(value)", func(_ *root, ctx context.Context, value any) (any, error) {
		return on(ctx, value, func(o *rpyc.Object) (any, error) { return o.Truth(ctx) }, "__bool__")
	})
	c.Method("equal(value, other)", func(_ *root, ctx context.Context, value, other any) (any, error) {
		return on(ctx, value, func(o *rpyc.Object) (any, error) { return o.Equal(ctx, other) }, "__eq__", other)
	})
	c.Method("same(value, other)", same)
	c.Method("iterate(value)", iterate)
	c.Method("within(value, function, *args)", within)
}

func onAttribute(value, name any, run func(string) (any, error)) (any, error) {
	if err := held(value); err != nil {
		return nil, err
	}
	text, ok := name.(string)
	if !ok {
		return nil, noName()
	}
	switch value.(type) {
	case *rpyc.Function, *rpyc.ClassObject:
		return nil, errOwn()
	}
	return run(text)
}

func same(_ *root, value, other any) (any, error) {
	if err := held(value); err != nil {
		return nil, err
	}
	object, ok := value.(*rpyc.Object)
	another, alike := other.(*rpyc.Object)
	if ok && alike {
		return object.Same(another), nil
	}
	return !isData(other) && value == other, nil
}

func iterate(_ *root, ctx context.Context, value any) (any, error) {
	if err := held(value); err != nil {
		return nil, err
	}
	object, ok := value.(*rpyc.Object)
	if !ok {
		return nil, errOwn()
	}
	found, items := rpyc.Tuple{}, rpyc.Iterate[any](ctx, object)
	for items.Next() {
		found = append(found, items.Value())
	}
	return found, items.Err()
}

func within(_ *root, ctx context.Context, value, function any, args ...any) (any, error) {
	for _, object := range []any{function, value} {
		if err := held(object); err != nil {
			return nil, err
		}
	}
	object, ok := value.(*rpyc.Object)
	if !ok {
		return nil, errOwn()
	}
	err := object.With(ctx, func(entered any) error {
		_, err := call(ctx, function, append([]any{entered}, args...), nil)
		return err
	})
	return "after", err
}
