package rpyc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"math/big"
	"sort"
	"sync"
)

// LiveList is a Python list that this program and its peers share: a change by one of them is visible to all. For a
// peer it is a list, with the methods of one. It is the same LiveList when the peer sends it back. A slice that is sent
// is a copy instead.
//
// A LiveList may be used by many goroutines and over many connections at once. Its items are any values that can be
// sent; objects of one peer among them are passed on to the others. The number of items is not limited.
type LiveList struct {
	mu    sync.Mutex
	items []any
}

// NewLiveList makes a list with these items.
func NewLiveList(items ...any) *LiveList { return &LiveList{items: append([]any(nil), items...)} }

// Items returns the current items.
func (l *LiveList) Items() []any {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]any{}, l.items...)
}

// Len returns the number of items.
func (l *LiveList) Len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.items)
}

// Append adds items at the end.
func (l *LiveList) Append(items ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.items = append(l.items, items...)
}

// Update replaces the items by the result of a function, which gets the current ones. Nothing else can use the list
// meanwhile.
func (l *LiveList) Update(change func(items []any) []any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.items = change(l.items)
}

// DescribeRPyC adds the methods of Python's lists.
func (*LiveList) DescribeRPyC(c *Class) {
	c.Name("builtins", "list")
	c.Hide("Items", "Len", "Append", "Update")
	c.public("__len__()", (*LiveList).Len)
	c.public("__getitem__(key, /)", (*LiveList).get)
	c.public("__setitem__(key, value, /)", (*LiveList).set)
	c.public("__delitem__(key, /)", (*LiveList).del)
	c.public("__contains__(value, /)", (*LiveList).contains)
	c.public("__iter__()", (*LiveList).iterate)
	c.public("__reversed__()", (*LiveList).reversed)
	c.public("__eq__(other, /)", (*LiveList).equal)
	c.public("__repr__()", (*LiveList).repr)
	c.public("__str__()", (*LiveList).repr)
	c.public("__iadd__(items, /)", (*LiveList).addInPlace)
	(*LiveList)(nil).describeOperators(c)
	c.public("append(item, /)", func(l *LiveList, item any) { l.Append(item) })
	c.public("extend(items, /)", (*LiveList).extend)
	c.public("insert(index, item, /)", (*LiveList).insert)
	c.public("pop(index=-1, /)", (*LiveList).pop)
	c.public("remove(value, /)", (*LiveList).remove)
	c.public("clear()", func(l *LiveList) { l.Update(func([]any) []any { return nil }) })
	c.public("index(value, start=0, stop=9223372036854775807, /)", (*LiveList).index)
	c.public("count(value, /)", (*LiveList).count)
	c.public("reverse()", (*LiveList).reverse)
	c.public("sort(*, key=None, reverse=False)", (*LiveList).sort)
	c.public("copy()", func(l *LiveList) *LiveList { return NewLiveList(l.Items()...) })
}

// place returns the position of an index; false if it is out of range.
func place(index int64, count int) (int, bool) {
	if index < 0 {
		index += int64(count)
	}
	return int(index), index >= 0 && index < int64(count)
}

// keyOf returns a key as an index or as a slice.
func keyOf(key any) (index int64, slice *Slice, err error) {
	switch k := canonical(key).(type) {
	case int64:
		return k, nil, nil
	case Slice:
		return 0, &k, nil
	case *big.Int:
		return 0, nil, Raise("IndexError", "cannot fit 'int' into an index-sized integer")
	}
	return 0, nil, Raise("TypeError", "list indices must be integers or slices, not "+pythonType(key))
}

func outOfRange() error { return Raise("IndexError", "list index out of range") }

func (l *LiveList) get(key any) (any, error) {
	index, slice, err := keyOf(key)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if slice == nil {
		at, ok := place(index, len(l.items))
		if !ok {
			return nil, outOfRange()
		}
		return l.items[at], nil
	}
	places, err := slice.places(len(l.items))
	if err != nil {
		return nil, err
	}
	part := make([]any, len(places))
	for i, at := range places {
		part[i] = l.items[at]
	}
	return NewLiveList(part...), nil
}

func (l *LiveList) set(ctx context.Context, key, value any) error {
	index, slice, err := keyOf(key)
	if err != nil {
		return err
	}
	if slice == nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		at, ok := place(index, len(l.items))
		if !ok {
			return Raise("IndexError", "list assignment index out of range")
		}
		l.items[at] = value
		return nil
	}
	if _, _, _, err := slice.bounds(0); err != nil {
		return err
	}
	items, err := anyItems(ctx, value)
	if errors.Is(err, Type("TypeError")) {
		return Raise("TypeError", "can only assign an iterable")
	}
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	places, err := slice.places(len(l.items))
	if err != nil {
		return err
	}
	if step, _ := canonical(slice.Step).(int64); slice.Step == nil || step == 1 {
		from, _, _, _ := slice.bounds(len(l.items))
		tail := append(append([]any{}, items...), l.items[from+len(places):]...)
		l.items = append(l.items[:from:from], tail...)
		return nil
	}
	if len(items) != len(places) {
		return Raise("ValueError", fmt.Sprintf("attempt to assign sequence of size %d to extended slice of size %d", len(items), len(places)))
	}
	for i, at := range places {
		l.items[at] = items[i]
	}
	return nil
}

func (l *LiveList) del(key any) error {
	index, slice, err := keyOf(key)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	gone := map[int]bool{}
	if slice == nil {
		at, ok := place(index, len(l.items))
		if !ok {
			return Raise("IndexError", "list assignment index out of range")
		}
		gone[at] = true
	} else {
		places, err := slice.places(len(l.items))
		if err != nil {
			return err
		}
		for _, at := range places {
			gone[at] = true
		}
	}
	kept := make([]any, 0, len(l.items))
	for at, item := range l.items {
		if !gone[at] {
			kept = append(kept, item)
		}
	}
	l.items = kept
	return nil
}

// bounds returns the bounds that Python's slice.indices() returns.
func (s Slice) bounds(count int) (start, stop, step int, err error) {
	numbers := [3]int64{}
	given := [3]bool{}
	for i, part := range []any{s.Start, s.Stop, s.Step} {
		if part == nil {
			continue
		}
		switch n := canonical(part).(type) {
		case int64:
			numbers[i], given[i] = n, true
		case *big.Int: // larger than any list
			numbers[i], given[i] = int64(n.Sign())*math.MaxInt64, true
		default:
			return 0, 0, 0, Raise("TypeError", "slice indices must be integers or None or have an __index__ method")
		}
	}
	if !given[2] {
		numbers[2] = 1
	}
	if numbers[2] == 0 {
		return 0, 0, 0, Raise("ValueError", "slice step cannot be zero")
	}
	// A step past both ends has the same effect as one over the whole list.
	if size := int64(count) + 1; numbers[2] > size {
		numbers[2] = size
	} else if numbers[2] < -size {
		numbers[2] = -size
	}
	low, high := 0, count
	if numbers[2] < 0 {
		low, high = -1, count-1
	}
	clip := func(i int, otherwise int) int {
		n := numbers[i]
		if !given[i] {
			return otherwise
		}
		if n < 0 {
			n += int64(count)
		}
		switch {
		case n < int64(low):
			return low
		case n > int64(high):
			return high
		}
		return int(n)
	}
	if numbers[2] < 0 {
		return clip(0, high), clip(1, low), int(numbers[2]), nil
	}
	return clip(0, low), clip(1, high), int(numbers[2]), nil
}

// places returns the indices of a slice.
func (s Slice) places(count int) ([]int, error) {
	start, stop, step, err := s.bounds(count)
	places := []int{}
	for at := start; err == nil && (step > 0 && at < stop || step < 0 && at > stop); at += step {
		places = append(places, at)
	}
	return places, err
}

// find returns the index of the first item that equals a value, or -1. Peers may be asked, so the list can change
// meanwhile.
func (l *LiveList) find(ctx context.Context, value any) (int, error) {
	for at, item := range l.Items() {
		if same, err := equals(ctx, item, value); err != nil || same {
			return at, err
		}
	}
	return -1, nil
}

func (l *LiveList) contains(ctx context.Context, value any) (bool, error) {
	at, err := l.find(ctx, value)
	return at >= 0, err
}

func (l *LiveList) iterate() *Iterator {
	at, ended := 0, false
	return NewIterator(func() (any, error) {
		l.mu.Lock()
		defer l.mu.Unlock()
		if ended = ended || at >= len(l.items); ended {
			return nil, io.EOF
		}
		at++
		return l.items[at-1], nil
	})
}

func (l *LiveList) reversed() *Iterator {
	at := l.Len()
	return NewIterator(func() (any, error) {
		l.mu.Lock()
		defer l.mu.Unlock()
		if at--; at < 0 || at >= len(l.items) {
			at = 0
			return nil, io.EOF
		}
		return l.items[at], nil
	})
}

func (l *LiveList) equal(ctx context.Context, other any) (any, error) {
	if other == any(l) {
		return true, nil
	}
	items, ok, err := listOf(ctx, other)
	if err != nil || !ok {
		return NotImplemented, err
	}
	return equals(ctx, l.Items(), items)
}

func (l *LiveList) repr(ctx context.Context) (string, error) { return reprOf(ctx, l.Items()) }

func (l *LiveList) extend(ctx context.Context, items any) error {
	all, err := anyItems(ctx, items)
	if err == nil {
		l.Append(all...)
	}
	return err
}

func (l *LiveList) addInPlace(ctx context.Context, items any) (*LiveList, error) {
	return l, l.extend(ctx, items)
}

func (l *LiveList) insert(index int64, item any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	at, ok := place(index, len(l.items))
	switch {
	case ok:
	case at < 0:
		at = 0
	default:
		at = len(l.items)
	}
	l.items = append(l.items, nil)
	copy(l.items[at+1:], l.items[at:])
	l.items[at] = item
}

func (l *LiveList) pop(index int64) (any, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.items) == 0 {
		return nil, Raise("IndexError", "pop from empty list")
	}
	at, ok := place(index, len(l.items))
	if !ok {
		return nil, Raise("IndexError", "pop index out of range")
	}
	item := l.items[at]
	l.items = append(l.items[:at], l.items[at+1:]...)
	return item, nil
}

func (l *LiveList) remove(ctx context.Context, value any) error {
	at, err := l.find(ctx, value)
	if err != nil {
		return err
	}
	if at < 0 {
		return Raise("ValueError", "list.remove(x): x not in list")
	}
	return l.del(int64(at))
}

func (l *LiveList) index(ctx context.Context, value, start, stop any) (int, error) {
	items := l.Items()
	from, to, _, err := Slice{Start: start, Stop: stop}.bounds(len(items))
	for at := from; err == nil && at < to; at++ {
		var same bool
		if same, err = equals(ctx, items[at], value); same {
			return at, err
		}
	}
	if err == nil {
		err = Raise("ValueError", "the value is not in the list")
	}
	return 0, err
}

func (l *LiveList) count(ctx context.Context, value any) (count int, err error) {
	for _, item := range l.Items() {
		same, err := equals(ctx, item, value)
		if err != nil {
			return 0, err
		}
		count += number(same)
	}
	return count, nil
}

func (l *LiveList) reverse() {
	l.Update(func(items []any) []any {
		for i, j := 0, len(items)-1; i < j; i, j = i+1, j-1 {
			items[i], items[j] = items[j], items[i]
		}
		return items
	})
}

// sort sorts plain values, or values for which the peer's key function returns plain values.
func (l *LiveList) sort(ctx context.Context, key func(any) (any, error), flag any) error {
	reverse, err := flagOf(flag)
	if err != nil {
		return err
	}
	items := l.Items()
	keys := make([]any, len(items))
	for i, item := range items {
		keys[i] = item
		if key != nil {
			made, err := key(item)
			if err != nil {
				return err
			}
			keys[i] = made
		}
	}
	sorter := &byKey{keys: keys, items: items, reverse: reverse}
	sort.Stable(sorter)
	if sorter.err != nil {
		return sorter.err
	}
	l.Update(func([]any) []any { return items })
	return nil
}

type byKey struct {
	keys, items []any
	reverse     bool
	err         error
}

func (b *byKey) Len() int { return len(b.items) }

func (b *byKey) Swap(i, j int) {
	b.items[i], b.items[j] = b.items[j], b.items[i]
	b.keys[i], b.keys[j] = b.keys[j], b.keys[i]
}

func (b *byKey) Less(i, j int) bool {
	if b.reverse {
		i, j = j, i
	}
	is, err := less(b.keys[i], b.keys[j])
	if err != nil && b.err == nil {
		b.err = err
	}
	return is
}
