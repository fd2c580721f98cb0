package rpyc

import (
	"bytes"
	"context"
	"math"
	"math/big"
	"reflect"
	"strings"
)

// connOf returns the connection of a call, for requests to its peer; nil outside of calls.
func connOf(ctx context.Context) *conn {
	c, _ := ctx.Value(connKey{}).(*conn)
	return c
}

// compareDepth is the maximum depth of compared containers. Live ones may contain each other.
const compareDepth = 200

// equals is Python's == for two values, one of which may be of a peer.
func equals(ctx context.Context, a, b any) (bool, error) {
	return comparing{ctx, compareDepth}.equal(a, b)
}

type comparing struct {
	ctx   context.Context
	depth int // levels left
}

func (c comparing) equal(a, b any) (bool, error) {
	ctx := c.ctx
	if c.depth--; c.depth < 0 {
		return false, Raise("RecursionError", "maximum recursion depth exceeded in comparison")
	}
	a, b = canonical(a), canonical(b)
	if list, ok := b.(*LiveList); ok && a != b {
		b = list.Items()
	}
	switch left := a.(type) {
	case nil:
		return b == nil, nil
	case int64, *big.Int, float64:
		order, ok := numbersOrder(a, b)
		return ok && order == 0, nil
	case complex128:
		right, ok := b.(complex128)
		return ok && left == right, nil
	case string:
		right, ok := b.(string)
		return ok && left == right, nil
	case []byte:
		right, ok := b.([]byte)
		return ok && bytes.Equal(left, right), nil
	case Tuple:
		right, ok := b.(Tuple)
		if !ok {
			return askEqual(ctx, b, a)
		}
		return c.items(left, right)
	case *LiveList:
		if a == b {
			return true, nil
		}
		return c.equal(left.Items(), b)
	case []any:
		right, ok := b.([]any)
		if !ok {
			return askEqual(ctx, b, a)
		}
		return c.items(left, right)
	case Dict, *LiveDict:
		return c.dicts(a, b)
	case *Object:
		if right, ok := b.(*Object); ok && left.Same(right) {
			return true, nil
		}
		return askEqual(ctx, a, b)
	}
	if isHashable(a) && isHashable(b) {
		return a == b, nil
	}
	return reflect.DeepEqual(a, b), nil
}

// askEqual asks a peer's object for equality. A value that is not such an object is not equal.
func askEqual(ctx context.Context, object, other any) (bool, error) {
	remote, ok := object.(*Object)
	if !ok {
		return false, nil
	}
	return remote.Equal(ctx, other)
}

func (c comparing) items(left, right []any) (bool, error) {
	if len(left) != len(right) {
		return false, nil
	}
	for i := range left {
		if same, err := c.equal(left[i], right[i]); err != nil || !same {
			return false, err
		}
	}
	return true, nil
}

func (c comparing) dicts(a, b any) (bool, error) {
	mine, ok := a.(*LiveDict)
	if dict, isDict := a.(Dict); isDict {
		made, err := NewLiveDict(dict...)
		if err != nil {
			return false, err
		}
		mine = made
	} else if ok && a == b {
		return true, nil
	}
	if dict, isDict := b.(Dict); isDict {
		made, err := NewLiveDict(dict...)
		if err != nil {
			return false, err
		}
		b = made
	}
	same, err := mine.equals(c, b)
	return same == true, err
}

// canonical converts plain values to the form in which they arrive from peers.
func canonical(value any) any {
	switch v := value.(type) {
	case nil, int64, string, float64, *Object, *LiveList, *LiveDict, Tuple, []any, []byte, Dict, FrozenSet, Slice, singleton, complex128:
		return value
	case bool:
		return int64(number(v))
	case int:
		return int64(v)
	case *big.Int:
		if v != nil && v.IsInt64() {
			return v.Int64()
		}
		return value
	}
	switch v := reflect.ValueOf(value); v.Kind() {
	case reflect.Bool:
		return int64(number(v.Bool()))
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Uint, reflect.Uint8, reflect.Uint16,
		reflect.Uint32, reflect.Uint64, reflect.Uintptr, reflect.Float32:
		return plainNumber(v)
	case reflect.String:
		return v.String()
	case reflect.Complex64:
		return v.Complex()
	}
	return value
}

// numbersOrder compares two canonical real numbers exactly. False: one is not a number, or is NaN.
func numbersOrder(a, b any) (int, bool) {
	x, okX := exact(a)
	y, okY := exact(b)
	if !okX || !okY {
		return 0, false
	}
	return x.Cmp(y), true
}

func exact(value any) (*big.Float, bool) {
	switch v := value.(type) {
	case int64:
		return new(big.Float).SetInt64(v), true
	case *big.Int:
		if v == nil {
			return nil, false
		}
		return new(big.Float).SetInt(v), true
	case float64:
		if math.IsNaN(v) {
			return nil, false
		}
		return big.NewFloat(v), true
	}
	return nil, false
}

// less is Python's < for plain values.
func less(a, b any) (bool, error) {
	a, b = canonical(a), canonical(b)
	switch left := a.(type) {
	case int64, *big.Int, float64:
		if _, isNumber := exact(b); isNumber || isNaN(b) {
			order, ok := numbersOrder(a, b)
			return ok && order < 0, nil
		}
	case string:
		if right, ok := b.(string); ok {
			return strings.Compare(left, right) < 0, nil
		}
	case []byte:
		if right, ok := b.([]byte); ok {
			return bytes.Compare(left, right) < 0, nil
		}
	case Tuple:
		if right, ok := b.(Tuple); ok {
			return itemsLess(left, right)
		}
	}
	return false, Raise("TypeError", "'<' not supported between instances of '"+pythonType(a)+"' and '"+pythonType(b)+"'")
}

func isNaN(value any) bool {
	x, ok := value.(float64)
	return ok && math.IsNaN(x)
}

func itemsLess(left, right []any) (bool, error) {
	for i := 0; i < len(left) && i < len(right); i++ {
		switch is, err := less(left[i], right[i]); {
		case err != nil || is:
			return is, err
		}
		switch is, err := less(right[i], left[i]); {
		case err != nil || is:
			return false, err
		}
	}
	return len(left) < len(right), nil
}

// reprOf is Python's repr() of values, in the library's form.
func reprOf(ctx context.Context, value any) (string, error) {
	c := connOf(ctx)
	if c == nil {
		return "", problemf(ErrType, "cannot encode %s without a connection", pythonType(value))
	}
	e := encoder{conn: c}
	defer e.done()
	if err := e.put(value); err != nil {
		return "", err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.usable(); err != nil {
		return "", err
	}
	return c.core.repr(e.buf)
}
