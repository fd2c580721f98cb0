package main

import (
	"context"
	"errors"
	"io"

	"rpyc"
)

// driven is a client that performs one operation after the other as a driver tells it, and describes what comes of each;
// tests/twin/operations.py is the driver. Expressions are tuples: ("value", v), ("slot", n), ("tuple", e...) and
// ("make", kind, e...).
type driven struct {
	conn  *rpyc.Conn
	slots map[int64]any
}

// DescribeRPyC describes what the driver calls.
func (*driven) DescribeRPyC(c *rpyc.Class) {
	c.Name("twin", "DrivenClientService")
	c.Method("open(address)", (*driven).open)
	c.Method("run(kind, name, target, args, named, slot)", (*driven).run)
	c.Method("close()", (*driven).close)
}

// OnDisconnect implements rpyc.Disconnecter.
func (d *driven) OnDisconnect(*rpyc.Conn) { d.close() }

// open connects to a server. Slot 0 is its root.
func (d *driven) open(ctx context.Context, address string) error {
	d.close()
	// The peer may be slow on a busy machine.
	conn, err := rpyc.Dial(ctx, address, append([]rpyc.Option{rpyc.WithConfig("connect_timeout", "60"),
		rpyc.WithConfig("sync_request_timeout", "60")}, options...)...)
	if err != nil {
		return err
	}
	d.conn, d.slots = conn, map[int64]any{0: conn.Root()}
	_, err = conn.Root().Repr(ctx)
	return err
}

func (d *driven) close() {
	if d.conn != nil {
		d.conn.Close()
	}
	d.conn, d.slots = nil, nil
}

// run performs an operation, keeps its value in the slot and describes it.
func (d *driven) run(ctx context.Context, kind, name string, target rpyc.Tuple, args, named rpyc.Tuple, slot int64) (any, error) {
	object, err := d.evaluate(ctx, target)
	if err != nil {
		return nil, err
	}
	given, err := d.evaluateAll(ctx, args)
	if err != nil {
		return nil, err
	}
	keywords, err := d.evaluateNamed(ctx, named)
	if err != nil {
		return nil, err
	}
	value := object
	if kind != "make" {
		if value, err = operate(ctx, kind, name, object, given, keywords); err != nil {
			return describeError(err), nil
		}
	}
	described := d.describe(ctx, value)
	if _, taken := d.slots[slot]; !taken {
		d.slots[slot] = value
	}
	return described, nil
}

// ---------------------------------------------------------------- expressions

func (d *driven) evaluate(ctx context.Context, expression rpyc.Tuple) (any, error) {
	switch expression[0] {
	case "value":
		return expression[1], nil
	case "slot":
		return d.slots[expression[1].(int64)], nil
	case "make":
		args, err := d.evaluateAll(ctx, expression[2:])
		if err != nil {
			return nil, err
		}
		if expression[1] == "generator" {
			return generator(args), nil
		}
		return thing(ctx, expression[1].(string), args)
	}
	items, err := d.evaluateAll(ctx, expression[1:])
	return rpyc.Tuple(items), err
}

func (d *driven) evaluateAll(ctx context.Context, expressions rpyc.Tuple) ([]any, error) {
	values := make([]any, 0, len(expressions)+1) // room for keywords
	for _, expression := range expressions {
		value, err := d.evaluate(ctx, expression.(rpyc.Tuple))
		if err != nil {
			return nil, err
		}
		values = append(values, value)
	}
	return values, nil
}

func (d *driven) evaluateNamed(ctx context.Context, named rpyc.Tuple) (rpyc.Keywords, error) {
	keywords := rpyc.Keywords{}
	for _, pair := range named {
		value, err := d.evaluate(ctx, pair.(rpyc.Tuple)[1].(rpyc.Tuple))
		if err != nil {
			return nil, err
		}
		keywords[pair.(rpyc.Tuple)[0].(string)] = value
	}
	return keywords, nil
}

// generator returns an iterator over the items, which raises an exception at "raise".
func generator(items []any) *rpyc.Iterator {
	return rpyc.NewIterator(func() (any, error) {
		if len(items) == 0 {
			return nil, io.EOF
		}
		item := items[0]
		items = items[1:]
		if item == any("raise") {
			items = nil
			return nil, rpyc.Raise("LookupError", "raise")
		}
		return item, nil
	})
}

// ---------------------------------------------------------------- operations

// comparisons maps the names of Python to those of rpyc.Object.Compare.
var comparisons = map[string]string{"__lt__": "<", "__le__": "<=", "__eq__": "==", "__ne__": "!=", "__gt__": ">", "__ge__": ">="}

// operate runs an operation on an object of the peer. Of local ones only those that come back are asked, which Go does
// by their methods.
func operate(ctx context.Context, kind, name string, target any, args []any, named rpyc.Keywords) (any, error) {
	object, ok := target.(*rpyc.Object)
	if !ok {
		return nil, errOwn()
	}
	all := args
	if len(named) > 0 {
		all = append(all, named)
	}
	switch kind {
	case "call":
		return object.Call(ctx, all...)
	case "method":
		return object.CallMethod(ctx, name, all...)
	case "get":
		return object.Get(ctx, name)
	case "set":
		return nil, object.Set(ctx, name, args[0])
	case "del":
		return nil, object.Delete(ctx, name)
	case "item":
		return object.Item(ctx, args[0])
	case "store":
		return nil, object.SetItem(ctx, args[0], args[1])
	case "delete":
		return nil, object.DeleteItem(ctx, args[0])
	case "has":
		return object.Contains(ctx, args[0])
	case "equal":
		return object.Equal(ctx, args[0])
	case "compare":
		return object.Compare(ctx, comparisons[name], args[0])
	}
	return look(ctx, kind, object)
}

// look runs an operation without arguments. Of iter and next Go has the loop alone, and the methods by name.
func look(ctx context.Context, kind string, object *rpyc.Object) (any, error) {
	switch kind {
	case "len":
		return object.Len(ctx)
	case "bool":
		return object.Truth(ctx)
	case "str":
		return object.Str(ctx)
	case "repr":
		return object.Repr(ctx)
	case "hash":
		return object.Hash(ctx)
	case "iter":
		return object.CallMethod(ctx, "__iter__")
	case "next":
		return object.CallMethod(ctx, "__next__")
	}
	found, items := rpyc.Tuple{}, rpyc.Iterate[any](ctx, object)
	for items.Next() {
		found = append(found, items.Value())
	}
	return found, items.Err()
}

// ---------------------------------------------------------------- descriptions

func describeError(err error) rpyc.Tuple {
	var remote *rpyc.RemoteError
	var own *rpyc.Exception
	switch {
	case errors.As(err, &remote):
		attributes := rpyc.Tuple{}
		for name, value := range remote.Attributes {
			attributes = append(attributes, rpyc.Tuple{name, value})
		}
		return rpyc.Tuple{"raises", remote.Module, remote.Type, rpyc.Tuple(remote.Args), attributes}
	case errors.As(err, &own):
		return rpyc.Tuple{"raises", "builtins", own.Type, rpyc.Tuple(own.Args), rpyc.Tuple{}}
	}
	return rpyc.Tuple{"fails", "error", err.Error()}
}

func (d *driven) describe(ctx context.Context, value any) rpyc.Tuple {
	if items, ok := value.(rpyc.Tuple); ok {
		described := rpyc.Tuple{}
		for _, item := range items {
			described = append(described, d.describe(ctx, item))
		}
		return rpyc.Tuple{"tuple", described}
	}
	object, ok := value.(*rpyc.Object)
	switch {
	case ok:
		return rpyc.Tuple{"object", object.TypeName(), show(ctx, object), d.firstSlot(value), true}
	case isData(value), isNumber(value):
		return rpyc.Tuple{"value", value}
	}
	name, shown := ownType(ctx, value)
	return rpyc.Tuple{"object", name, shown, d.firstSlot(value), false}
}

// ownType returns the name that a local object has for the peer, and what show returns.
func ownType(ctx context.Context, value any) (name string, shown any) {
	if classes := [2]string{"things.Item", "things.SubItem"}; isClass(value) {
		for i, described := range []any{&Item{}, &SubItem{}} {
			if class, err := rpyc.ClassOf(described); err == nil && class == value {
				return classes[i], "<class '" + classes[i] + "'>"
			}
		}
	}
	switch value.(type) {
	case *rpyc.Function:
		return "builtins.function", nil
	case *rpyc.Iterator:
		return "builtins.generator", nil
	case *Bag:
		return "things.Bag", nil
	case *Bare:
		return "things.Bare", nil
	case *Item:
		name = "things.Item"
	case *SubItem:
		name = "things.SubItem"
	case *rpyc.LiveList:
		name = "builtins.list"
	case *rpyc.LiveDict:
		name = "builtins.dict"
	}
	text, err := apply(ctx, value, "__repr__")
	if err != nil {
		return name, describeError(err)
	}
	return name, text
}

func isClass(value any) bool {
	_, ok := value.(*rpyc.ClassObject)
	return ok
}

// isNumber reports whether a value is of a type that only methods of rpyc.Object return.
func isNumber(value any) bool {
	_, ok := value.(int)
	return ok
}

// firstSlot returns the first slot that has an object, or -1.
func (d *driven) firstSlot(value any) int64 {
	first, object := int64(-1), asObject(value)
	for number, other := range d.slots {
		same := !isData(other) && other == value
		if another := asObject(other); object != nil && another != nil {
			same = object.Same(another)
		}
		if same && (first < 0 || number < first) {
			first = number
		}
	}
	return first
}

func asObject(value any) *rpyc.Object {
	object, _ := value.(*rpyc.Object)
	return object
}

// show returns the contents of objects whose repr has no address, nil for others.
func show(ctx context.Context, object *rpyc.Object) any {
	switch object.TypeName() {
	case "builtins.list", "builtins.dict", "builtins.dict_keys", "builtins.dict_values", "builtins.dict_items", "things.Item", "things.SubItem":
		text, err := object.Repr(ctx)
		if err != nil {
			return describeError(err)
		}
		return text
	case "builtins.set":
		items, texts := rpyc.Iterate[any](ctx, object), rpyc.Tuple{}
		for items.Next() {
			item := items.Value()
			if object := asObject(item); object != nil {
				text, err := object.Repr(ctx)
				if err != nil {
					return describeError(err)
				}
				texts = append(texts, rpyc.Tuple{"repr", text})
				continue
			}
			texts = append(texts, rpyc.Tuple{"value", item})
		}
		if items.Err() != nil {
			return describeError(items.Err())
		}
		return rpyc.Tuple{"items", texts}
	}
	return nil
}
