package rpyc

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"sort"
	"strings"
)

// Operators that peers apply to LiveLists and LiveDicts, and the arguments for which Python accepts any iterable.

// productLimit is the maximum number of items that an operator of a list makes.
const productLimit = 1 << 20

// listOf returns the items of another list, the operand of an operator; false if it is not a list.
func listOf(ctx context.Context, other any) ([]any, bool, error) {
	switch o := other.(type) {
	case *LiveList:
		return o.Items(), true, nil
	case []any:
		return o, true, nil
	case *Object:
		if o.TypeName() == "builtins.list" {
			items, err := o.fetch(ctx)
			return items, true, err
		}
	}
	return nil, false, nil
}

func (l *LiveList) add(ctx context.Context, other any) (any, error) {
	items, ok, err := listOf(ctx, other)
	if err == nil && !ok {
		err = Raise("TypeError", `can only concatenate list (not "`+pythonType(other)+`") to list`)
	}
	if err != nil {
		return nil, err
	}
	return NewLiveList(append(l.Items(), items...)...), nil
}

// times repeats items.
func times(items []any, count any) ([]any, error) {
	n, ok := canonical(count).(int64)
	if _, large := canonical(count).(*big.Int); large {
		return nil, Raise("OverflowError", "cannot fit 'int' into an index-sized integer")
	}
	if !ok {
		return nil, Raise("TypeError", "can't multiply sequence by non-int of type '"+pythonType(count)+"'")
	}
	if n <= 0 || len(items) == 0 {
		return []any{}, nil
	}
	if n > productLimit/int64(len(items)) {
		return nil, Raise("MemoryError")
	}
	all := make([]any, 0, int(n)*len(items))
	for ; n > 0; n-- {
		all = append(all, items...)
	}
	return all, nil
}

func (l *LiveList) multiply(count any) (any, error) {
	items, err := times(l.Items(), count)
	if err != nil {
		return nil, err
	}
	return &LiveList{items: items}, nil
}

func (l *LiveList) multiplyInPlace(count any) (*LiveList, error) {
	var failed error
	l.Update(func(items []any) []any {
		all, err := times(items, count)
		if failed = err; err != nil {
			return items
		}
		return all
	})
	return l, failed
}

// compared returns a comparison of lists: by the first items that differ, otherwise by length.
func compared(wanted func(mine, theirs []any) (bool, error)) func(*LiveList, context.Context, any) (any, error) {
	return func(l *LiveList, ctx context.Context, other any) (any, error) {
		theirs, ok, err := listOf(ctx, other)
		if err != nil || !ok {
			return NotImplemented, err
		}
		mine := l.Items()
		for len(mine) > 0 && len(theirs) > 0 {
			same, err := equals(ctx, mine[0], theirs[0])
			if err != nil {
				return nil, err
			}
			if !same {
				mine, theirs = mine[:1], theirs[:1]
				break
			}
			mine, theirs = mine[1:], theirs[1:]
		}
		return wanted(mine, theirs)
	}
}

func notLess(a, b []any) (bool, error) {
	is, err := itemsLess(a, b)
	return !is, err
}

// describeOperators adds the operators of Python's lists.
func (*LiveList) describeOperators(c *Class) {
	c.public("__add__(other, /)", (*LiveList).add)
	c.public("__mul__(count, /)", (*LiveList).multiply)
	c.public("__rmul__(count, /)", (*LiveList).multiply)
	c.public("__imul__(count, /)", (*LiveList).multiplyInPlace)
	c.public("__lt__(other, /)", compared(itemsLess))
	c.public("__gt__(other, /)", compared(func(a, b []any) (bool, error) { return itemsLess(b, a) }))
	c.public("__le__(other, /)", compared(func(a, b []any) (bool, error) { return notLess(b, a) }))
	c.public("__ge__(other, /)", compared(notLess))
}

// anyItems returns the items of an iterable, as Python accepts them.
func anyItems(ctx context.Context, value any) ([]any, error) {
	switch v := value.(type) {
	case string:
		items := []any{}
		for _, r := range v {
			items = append(items, string(r))
		}
		return items, nil
	case []byte:
		items := make([]any, len(v))
		for i, b := range v {
			items[i] = int64(b)
		}
		return items, nil
	case *LiveDict:
		return v.keys(), nil
	}
	items, ok, err := itemsOf(ctx, value)
	var unfit *mismatch
	if err == nil && !ok || errors.As(err, &unfit) {
		err = Raise("TypeError", "'"+pythonType(value)+"' object is not iterable")
	}
	return items, err
}

// pairsOf returns the entries of any argument that dict() accepts: a mapping, or pairs.
func pairsOf(ctx context.Context, value any) (Dict, error) {
	switch v := value.(type) {
	case Dict, *LiveDict:
		return entriesOf(ctx, value)
	case *Object:
		members, err := v.Inspect(ctx)
		if err != nil {
			return nil, err
		}
		if _, isMapping := members["keys"]; isMapping {
			return entriesOf(ctx, value)
		}
	}
	items, err := anyItems(ctx, value)
	if err != nil {
		return nil, err
	}
	entries := make(Dict, len(items))
	for i, item := range items {
		pair, err := anyItems(ctx, item)
		if err != nil {
			return nil, Raise("TypeError", fmt.Sprintf("cannot convert dictionary update sequence element #%d to a sequence", i))
		}
		if len(pair) != 2 {
			return nil, Raise("ValueError", fmt.Sprintf("dictionary update sequence element #%d has length %d; 2 is required", i, len(pair)))
		}
		entries[i] = Item{pair[0], pair[1]}
	}
	return entries, nil
}

func isDict(value any) bool {
	switch v := value.(type) {
	case Dict, *LiveDict:
		return true
	case *Object:
		return v.TypeName() == "builtins.dict"
	}
	return false
}

func (d *LiveDict) or(ctx context.Context, other any) (any, error) {
	if !isDict(other) {
		return NotImplemented, nil
	}
	entries, err := entriesOf(ctx, other)
	if err != nil {
		return nil, err
	}
	return NewLiveDict(append(d.Entries(), entries...)...)
}

func (d *LiveDict) orInPlace(ctx context.Context, other any) (*LiveDict, error) {
	entries, err := pairsOf(ctx, other)
	if err == nil {
		err = d.setAll(entries)
	}
	return d, err
}

func (d *LiveDict) setAll(entries Dict) error {
	for _, entry := range entries {
		if err := d.Set(entry.Key, entry.Value); err != nil {
			return err
		}
	}
	return nil
}

func (*LiveDict) fromKeys(ctx context.Context, keys, value any) (any, error) {
	items, err := anyItems(ctx, keys)
	if err != nil {
		return nil, err
	}
	made := &LiveDict{}
	for _, key := range items {
		if err := made.Set(key, value); err != nil {
			return nil, err
		}
	}
	return made, nil
}

// describeOperators adds the operators of Python's dicts.
func (*LiveDict) describeOperators(c *Class) {
	c.public("__or__(other, /)", (*LiveDict).or)
	c.public("__ior__(other, /)", (*LiveDict).orInPlace)
	c.public("fromkeys(keys, value=None, /)", (*LiveDict).fromKeys)
}

// hashedSet returns the form by which a frozenset is found. It is the same for the same items in any order.
func hashedSet(items []any) (any, error) {
	parts := make([]string, len(items))
	for i, item := range items {
		part, err := hashed(Tuple{item})
		if err != nil {
			return nil, err
		}
		parts[i] = string(part.(tupleKey))
	}
	sort.Strings(parts)
	return setKey(strings.Join(parts, ",")), nil
}

// flagOf converts a number to a bool, as Python does for flags.
func flagOf(value any) (bool, error) {
	switch v := canonical(value).(type) {
	case int64:
		return v != 0, nil
	case nil:
		return false, Raise("TypeError", "'NoneType' object cannot be interpreted as an integer")
	}
	return false, Raise("TypeError", "'"+pythonType(value)+"' object cannot be interpreted as an integer")
}
