package rpyc

import (
	"context"
	"fmt"
	"io"
	"math"
	"math/big"
	"reflect"
	"strings"
	"sync"
)

// LiveDict is a Python dict that this program and its peers share: a change by one of them is visible to all. For a
// peer it is a dict, with the methods of one. It is the same LiveDict when the peer sends it back. A map that is sent
// is a copy instead.
//
// A LiveDict may be used by many goroutines and over many connections at once. The number of entries is not limited.
// They keep the order of insertion. A key is a value that Python can hash: a number (1, 1.0 and True are the same key),
// a string, bytes, a tuple, a frozenset, None, or a pointer to a struct, which is compared by identity. An object of a
// peer cannot be a key.
type LiveDict struct {
	mu      sync.Mutex
	entries []*liveEntry // nil for a deleted entry
	places  map[any]int
}

type liveEntry struct {
	Item
	name any // the hashed key
}

// NewLiveDict makes a dict with these entries. The error names a key that Python cannot hash.
func NewLiveDict(entries ...Item) (*LiveDict, error) {
	d := &LiveDict{}
	for _, entry := range entries {
		if err := d.Set(entry.Key, entry.Value); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// Entries returns the current entries.
func (d *LiveDict) Entries() Dict {
	d.mu.Lock()
	defer d.mu.Unlock()
	entries := make(Dict, 0, len(d.places))
	for _, entry := range d.entries {
		if entry != nil {
			entries = append(entries, entry.Item)
		}
	}
	return entries
}

// Len returns the number of entries.
func (d *LiveDict) Len() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.places)
}

// Get returns the value of a key, and whether there is one.
func (d *LiveDict) Get(key any) (any, bool) {
	name, err := hashed(key)
	if err != nil {
		return nil, false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	at, ok := d.places[name]
	if !ok {
		return nil, false
	}
	return d.entries[at].Value, true
}

// Set sets the value of a key.
func (d *LiveDict) Set(key, value any) error {
	name, err := hashed(key)
	if err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.put(name, key, value)
	return nil
}

func (d *LiveDict) put(name, key, value any) {
	if at, ok := d.places[name]; ok {
		d.entries[at].Value = value
		return
	}
	if d.places == nil {
		d.places = map[any]int{}
	}
	d.places[name] = len(d.entries)
	d.entries = append(d.entries, &liveEntry{Item{key, value}, name})
}

// Delete removes a key and reports whether it was present.
func (d *LiveDict) Delete(key any) bool {
	name, err := hashed(key)
	if err != nil {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	_, ok := d.take(name)
	return ok
}

// take removes an entry. The lock is held.
func (d *LiveDict) take(name any) (*liveEntry, bool) {
	at, ok := d.places[name]
	if !ok {
		return nil, false
	}
	entry := d.entries[at]
	d.entries[at] = nil
	delete(d.places, name)
	if len(d.entries) > 32 && len(d.places) < len(d.entries)/2 {
		d.close()
	}
	return entry, true
}

// close closes the gaps of deleted entries. The lock is held.
func (d *LiveDict) close() {
	kept := make([]*liveEntry, 0, len(d.places))
	for _, entry := range d.entries {
		if entry != nil {
			d.places[entry.name] = len(kept)
			kept = append(kept, entry)
		}
	}
	d.entries = kept
}

// Forms of a key that a Go map can use.
type (
	bytesKey string
	largeKey string
	tupleKey string
	setKey   string
	nanKey   struct{ of *byte } // each NaN is a different key
)

// hashed returns the form of a key by which it is found.
func hashed(key any) (any, error) {
	switch k := canonical(key).(type) {
	case nil, int64, string:
		return k, nil
	case float64:
		switch {
		case math.IsNaN(k):
			return nanKey{new(byte)}, nil
		case k == math.Trunc(k) && math.Abs(k) < 1<<62:
			return int64(k), nil
		case k == math.Trunc(k) && !math.IsInf(k, 0):
			whole, _ := big.NewFloat(k).Int(nil)
			return largeKey(whole.String()), nil
		}
		return k, nil
	case *big.Int:
		return largeKey(k.String()), nil
	case []byte:
		return bytesKey(k), nil
	case complex128:
		if imag(k) == 0 {
			return hashed(real(k))
		}
		return k, nil
	case Tuple:
		var text strings.Builder
		for _, item := range k {
			part, err := hashed(item)
			if err != nil {
				return nil, err
			}
			// Lengths are used because nested quotes would double with each level.
			if inner := reflect.ValueOf(part); inner.Kind() == reflect.String {
				fmt.Fprintf(&text, "%T %d %s;", part, inner.Len(), inner.String())
			} else if inner.Kind() == reflect.Pointer {
				fmt.Fprintf(&text, "%T %p;", part, part)
			} else {
				fmt.Fprintf(&text, "%T %#v;", part, part)
			}
		}
		return tupleKey(text.String()), nil
	case FrozenSet:
		return hashedSet(k)
	case Slice:
		return nil, Raise("TypeError", "unhashable type: 'slice'")
	case *Object:
		return nil, Raise("TypeError", "an object of a peer cannot be a key of a dict here")
	case *LiveList, *LiveDict:
		return nil, Raise("TypeError", "unhashable type: '"+pythonType(key)+"'")
	}
	if isHashable(key) {
		return key, nil
	}
	return nil, Raise("TypeError", "unhashable type: '"+pythonType(key)+"'")
}

// DescribeRPyC adds the methods of Python's dicts.
func (*LiveDict) DescribeRPyC(c *Class) {
	c.Name("builtins", "dict")
	c.Hide("Entries", "Len", "Get", "Set", "Delete")
	c.public("__len__()", (*LiveDict).Len)
	c.public("__getitem__(key, /)", (*LiveDict).item)
	c.public("__setitem__(key, value, /)", (*LiveDict).Set)
	c.public("__delitem__(key, /)", (*LiveDict).del)
	c.public("__contains__(key, /)", (*LiveDict).has)
	c.public("__iter__()", (*LiveDict).iterate)
	c.public("__eq__(other, /)", (*LiveDict).equal)
	c.public("__repr__()", (*LiveDict).repr)
	c.public("__str__()", (*LiveDict).repr)
	(*LiveDict)(nil).describeOperators(c)
	c.public("keys()", (*LiveDict).keys)
	c.public("values()", (*LiveDict).values)
	c.public("items()", (*LiveDict).pairs)
	c.public("get(key, default=None, /)", (*LiveDict).getOr)
	c.public("setdefault(key, default=None, /)", (*LiveDict).setDefault)
	c.public("pop(key, default=..., /)", (*LiveDict).pop)
	c.public("popitem()", (*LiveDict).popItem)
	c.public("update(other=None, /, **named)", (*LiveDict).update)
	c.public("clear()", (*LiveDict).clear)
	c.public("copy()", func(d *LiveDict) (*LiveDict, error) { return NewLiveDict(d.Entries()...) })
}

func (d *LiveDict) has(key any) (bool, error) {
	name, err := hashed(key)
	if err != nil {
		return false, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	_, ok := d.places[name]
	return ok, nil
}

func (d *LiveDict) item(key any) (any, error) {
	if _, err := hashed(key); err != nil {
		return nil, err
	}
	value, ok := d.Get(key)
	if !ok {
		return nil, Raise("KeyError", key)
	}
	return value, nil
}

func (d *LiveDict) del(key any) error {
	if _, err := hashed(key); err != nil {
		return err
	}
	if !d.Delete(key) {
		return Raise("KeyError", key)
	}
	return nil
}

// iterate iterates over the current keys. A key that is deleted meanwhile is still returned.
func (d *LiveDict) iterate() *Iterator {
	keys, at := d.keys(), 0
	return NewIterator(func() (any, error) {
		d.mu.Lock()
		defer d.mu.Unlock()
		if at == len(keys) {
			return nil, io.EOF
		}
		at++
		return keys[at-1], nil
	})
}

func (d *LiveDict) keys() []any { return d.each(func(entry Item) any { return entry.Key }) }

func (d *LiveDict) values() []any { return d.each(func(entry Item) any { return entry.Value }) }

func (d *LiveDict) pairs() []any {
	return d.each(func(entry Item) any { return Tuple{entry.Key, entry.Value} })
}

func (d *LiveDict) each(of func(Item) any) []any {
	all := []any{}
	for _, entry := range d.Entries() {
		all = append(all, of(entry))
	}
	return all
}

func (d *LiveDict) equal(ctx context.Context, other any) (any, error) {
	return d.equals(comparing{ctx, compareDepth}, other)
}

func (d *LiveDict) equals(c comparing, other any) (any, error) {
	var entries Dict
	switch o := other.(type) {
	case *LiveDict:
		entries = o.Entries()
	case *Object:
		if o.TypeName() != "builtins.dict" {
			return NotImplemented, nil
		}
		var err error
		if entries, err = entriesOf(c.ctx, o); err != nil {
			return nil, err
		}
	default:
		return NotImplemented, nil
	}
	mine := d.Entries()
	if len(mine) != len(entries) {
		return false, nil
	}
	theirs, err := NewLiveDict(entries...)
	if err != nil {
		return nil, err
	}
	for _, entry := range mine {
		value, ok := theirs.Get(entry.Key)
		if !ok {
			return false, nil
		}
		if same, err := c.equal(entry.Value, value); err != nil || !same {
			return false, err
		}
	}
	return true, nil
}

func (d *LiveDict) repr(ctx context.Context) (string, error) { return reprOf(ctx, d.Entries()) }

func (d *LiveDict) getOr(key, otherwise any) (any, error) {
	if ok, err := d.has(key); err != nil || !ok {
		return otherwise, err
	}
	return d.item(key)
}

func (d *LiveDict) setDefault(key, value any) (any, error) {
	name, err := hashed(key)
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if at, ok := d.places[name]; ok {
		return d.entries[at].Value, nil
	}
	d.put(name, key, value)
	return value, nil
}

func (d *LiveDict) pop(key, otherwise any) (any, error) {
	name, err := hashed(key)
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	entry, ok := d.take(name)
	switch {
	case ok:
		return entry.Value, nil
	case otherwise == any(Ellipsis): // no default was given
		return nil, Raise("KeyError", key)
	}
	return otherwise, nil
}

func (d *LiveDict) popItem() (Tuple, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for at := len(d.entries) - 1; at >= 0; at-- {
		if entry := d.entries[at]; entry != nil {
			delete(d.places, entry.name)
			d.entries = d.entries[:at]
			return Tuple{entry.Key, entry.Value}, nil
		}
	}
	return nil, Raise("KeyError", "popitem(): dictionary is empty")
}

func (d *LiveDict) update(ctx context.Context, other any, named Keywords) error {
	var entries Dict
	if other != nil {
		given, err := pairsOf(ctx, other)
		if err != nil {
			return err
		}
		entries = append(entries, given...)
	}
	for _, name := range sortedNames(named) {
		entries = append(entries, Item{name, named[name]})
	}
	return d.setAll(entries)
}

func (d *LiveDict) clear() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.entries, d.places = nil, nil
}
