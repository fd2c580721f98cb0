package main

import (
	"io"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"

	"rpyc"
)

// item is an object that lives on the server.
type item struct {
	mu    sync.Mutex
	label string
	value any
	slots rpyc.Dict
}

// subItem is a class derived from item.
type subItem struct {
	item
}

var live int64

func liveItems() int { return int(atomic.LoadInt64(&live)) }

func newItem(label string) *item {
	made := &item{label: label, value: 0}
	atomic.AddInt64(&live, 1)
	runtime.SetFinalizer(made, func(*item) { atomic.AddInt64(&live, -1) })
	return made
}

func newSubItem(label string) *subItem {
	made := &subItem{item{label: label, value: 0}}
	atomic.AddInt64(&live, 1)
	runtime.SetFinalizer(made, func(*subItem) { atomic.AddInt64(&live, -1) })
	return made
}

func (*item) DescribeRPyC(c *rpyc.Class) {
	c.Name("interop", "Item")
	c.Doc("An object that lives on the server.")
	c.Constructor("Item(label)", newItem)
	describeItem(c)
}

func (*subItem) DescribeRPyC(c *rpyc.Class) {
	c.Name("interop", "SubItem")
	c.Base(&item{})
	c.Constructor("SubItem(label)", newSubItem)
	describeItem(c)
}

// describeItem names methods, so that it holds for both types.
func describeItem(c *rpyc.Class) {
	c.Property("label", "Label", nil, nil)
	c.Property("value", "Value", "SetValue", "DeleteValue")
	for signature, method := range map[string]string{
		"get()": "Get", "rename(label)": "Rename", "same(other)": "Same",
		"__len__()": "Len", "__bool__()": "Bool", "__iter__()": "Iter", "__contains__(text)": "Contains",
		"__getitem__(key)": "GetSlot", "__setitem__(key, value)": "SetSlot", "__delitem__(key)": "DeleteSlot",
		"__call__(*args, **kwargs)": "Call", "__add__(text)": "Plus", "__radd__(text)": "PlusBefore",
		"__eq__(other)": "Equal", "__ne__(other)": "Unequal", "__lt__(other)": "Less", "__gt__(other)": "Greater",
		"__hash__()": "Hash",
	} {
		c.Method(signature, method)
	}
}

func (it *item) Label() string {
	it.mu.Lock()
	defer it.mu.Unlock()
	return it.label
}

func (it *item) Get() string { return it.Label() }

func (it *item) Rename(label string) *item {
	it.mu.Lock()
	defer it.mu.Unlock()
	it.label = label
	return it
}

func (it *item) Same(other any) bool { return other == any(it) }

func (it *item) Value() any {
	it.mu.Lock()
	defer it.mu.Unlock()
	return it.value
}

func (it *item) SetValue(value any) error {
	if asInt(value) == nil {
		return rpyc.Raise("TypeError", "value must be an int")
	}
	it.mu.Lock()
	defer it.mu.Unlock()
	it.value = value
	return nil
}

func (it *item) DeleteValue() error { return it.SetValue(int64(0)) }

func (it *item) String() string   { return "item " + it.Label() }
func (it *item) GoString() string { return "<Item " + it.Label() + ">" }
func (it *item) Len() int         { return len([]rune(it.Label())) }
func (it *item) Bool() bool       { return it.Label() != "false" }

func (it *item) Iter() *rpyc.Iterator {
	var letters []any
	for _, letter := range it.Label() {
		letters = append(letters, string(letter))
	}
	return over(letters)
}

func over(items []any) *rpyc.Iterator {
	return counting(len(items), io.EOF, func(i int) any { return items[i] })
}

func (it *item) Contains(text string) bool     { return strings.Contains(it.Label(), text) }
func (it *item) Plus(text string) string       { return it.Label() + text }
func (it *item) PlusBefore(text string) string { return text + it.Label() }
func (it *item) Equal(other any) bool          { order, ok := it.order(other); return ok && order == 0 }
func (it *item) Unequal(other any) bool        { return !it.Equal(other) }

func (it *item) Call(kwargs rpyc.Keywords, args ...any) rpyc.Tuple {
	return rpyc.Tuple{it.Label(), rpyc.Tuple(args), pairs(kwargs)}
}

func (it *item) Less(other any) any {
	if order, ok := it.order(other); ok {
		return order < 0
	}
	return rpyc.NotImplemented
}

func (it *item) Greater(other any) any {
	if order, ok := it.order(other); ok {
		return order > 0
	}
	return rpyc.NotImplemented
}

// order compares with another item or a text.
func (it *item) order(other any) (int, bool) {
	switch other := other.(type) {
	case string:
		return strings.Compare(it.Label(), other), true
	case *item:
		return strings.Compare(it.Label(), other.Label()), true
	case *subItem:
		return strings.Compare(it.Label(), other.Label()), true
	}
	return 0, false
}

func (it *item) Hash() (sum int) {
	for _, b := range []byte(it.Label()) {
		sum += int(b)
	}
	return sum
}

func (it *item) GetSlot(key any) (any, error) {
	it.mu.Lock()
	defer it.mu.Unlock()
	return lookup(it.slots, key)
}

func (it *item) SetSlot(key, value any) {
	it.mu.Lock()
	defer it.mu.Unlock()
	if i := find(it.slots, key); i >= 0 {
		it.slots[i].Value = value
		return
	}
	it.slots = append(it.slots, rpyc.Item{Key: key, Value: value})
}

func (it *item) DeleteSlot(key any) error {
	it.mu.Lock()
	defer it.mu.Unlock()
	i := find(it.slots, key)
	if i < 0 {
		return rpyc.Raise("KeyError", key)
	}
	it.slots = append(it.slots[:i], it.slots[i+1:]...)
	return nil
}

func find(entries rpyc.Dict, key any) int {
	for i, entry := range entries {
		if reflect.DeepEqual(entry.Key, key) {
			return i
		}
	}
	return -1
}

func lookup(entries rpyc.Dict, key any) (any, error) {
	if i := find(entries, key); i >= 0 {
		return entries[i].Value, nil
	}
	return nil, rpyc.Raise("KeyError", key)
}

// ---------------------------------------------------------------- containers by reference

// list is a list that peers can change.
type list struct {
	mu    sync.Mutex
	items []any
}

func (*list) DescribeRPyC(c *rpyc.Class) {
	c.Name("builtins", "list")
	for signature, method := range map[string]string{
		"__len__()": "Len", "__getitem__(index)": "Get", "__setitem__(index, value)": "Set", "__delitem__(index)": "Delete",
		"__iter__()": "Iter", "__contains__(value)": "Contains",
	} {
		c.Method(signature, method)
	}
}

func (l *list) Len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.items)
}

// place finds an index that may count from the end; the lock is held.
func (l *list) place(index int) (int, error) {
	if index < 0 {
		index += len(l.items)
	}
	if index < 0 || index >= len(l.items) {
		return 0, rpyc.Raise("IndexError", "list index out of range")
	}
	return index, nil
}

func (l *list) Get(index any) (any, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch index := index.(type) {
	case int64:
		i, err := l.place(int(index))
		if err != nil {
			return nil, err
		}
		return l.items[i], nil
	case rpyc.Slice:
		return l.slice(index)
	}
	return nil, rpyc.Raise("TypeError", "list indices must be integers or slices")
}

// slice takes a part, as far as it is there; steps are not for this list.
func (l *list) slice(part rpyc.Slice) (any, error) {
	bound := func(value any, otherwise int) int {
		at, ok := value.(int64)
		switch {
		case !ok:
			return otherwise
		case at < 0:
			at += int64(len(l.items))
		}
		if at < 0 {
			return 0
		}
		if at > int64(len(l.items)) {
			return len(l.items)
		}
		return int(at)
	}
	if part.Step != nil {
		return nil, rpyc.Raise("NotImplementedError", "a step")
	}
	start, stop := bound(part.Start, 0), bound(part.Stop, len(l.items))
	if stop < start {
		stop = start
	}
	return &list{items: append([]any(nil), l.items[start:stop]...)}, nil
}

func (l *list) Set(index int, value any) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	i, err := l.place(index)
	if err == nil {
		l.items[i] = value
	}
	return err
}

func (l *list) Delete(index int) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	i, err := l.place(index)
	if err == nil {
		l.items = append(l.items[:i], l.items[i+1:]...)
	}
	return err
}

func (l *list) Iter() *rpyc.Iterator {
	l.mu.Lock()
	defer l.mu.Unlock()
	return over(append([]any(nil), l.items...))
}

func (l *list) Contains(value any) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, item := range l.items {
		if reflect.DeepEqual(item, value) {
			return true
		}
	}
	return false
}

// dict is a dict that peers can read.
type dict struct {
	entries rpyc.Dict
}

func (*dict) DescribeRPyC(c *rpyc.Class) {
	c.Name("builtins", "dict")
	c.Method("__len__()", func(d *dict) int { return len(d.entries) })
	c.Method("__getitem__(key)", func(d *dict, key any) (any, error) { return lookup(d.entries, key) })
	c.Method("__contains__(key)", func(d *dict, key any) bool { return find(d.entries, key) >= 0 })
	c.Method("__iter__()", func(d *dict) *rpyc.Iterator {
		var keys []any
		for _, entry := range d.entries {
			keys = append(keys, entry.Key)
		}
		return over(keys)
	})
}

// manager is a context manager.
type manager struct {
	mu      sync.Mutex
	state   string
	swallow bool
}

func (*manager) DescribeRPyC(c *rpyc.Class) {
	c.Name("interop", "Ctx")
	c.Method("__enter__()", "Enter")
	c.Method("__exit__(kind, value, traceback)", "Exit")
}

func (m *manager) State() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.state
}

func (m *manager) Enter() *manager {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.state = "entered"
	return m
}

func (m *manager) Exit(kind, value, traceback any) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.state = "exited"
	if kind != nil {
		m.state = "exited with an error"
	}
	return m.swallow && kind != nil
}
