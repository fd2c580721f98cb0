package rpyc

import (
	"context"
	"fmt"
	"math"
	"math/big"
	"reflect"
	"time"
)

var (
	anyType      = reflect.TypeOf((*any)(nil)).Elem()
	errorType    = reflect.TypeOf((*error)(nil)).Elem()
	contextType  = reflect.TypeOf((*context.Context)(nil)).Elem()
	objectType   = reflect.TypeOf((*Object)(nil))
	bigIntType   = reflect.TypeOf((*big.Int)(nil))
	durationType = reflect.TypeOf(time.Duration(0))
	bytesType    = reflect.TypeOf([]byte(nil))
	dictType     = reflect.TypeOf(Dict(nil))
	tupleType    = reflect.TypeOf(Tuple(nil))
	frozenType   = reflect.TypeOf(FrozenSet(nil))
	keywordsType = reflect.TypeOf(Keywords(nil))
)

// mismatch is the error of a value that does not fit a type. `what` is the expected type, as Python names it.
type mismatch struct {
	what, got string
	kind      error
}

func (m *mismatch) Error() string { return oneLine(fmt.Sprintf("must be %s, not %s", m.what, m.got)) }

func wrong(what string, value any) error { return &mismatch{what, pythonType(value), ErrType} }

// outside returns the error of a number that is out of range for a type.
func outside(t reflect.Type, value any) error {
	return &mismatch{what: "in the range of " + t.Kind().String(), got: fmt.Sprint(value), kind: ErrRange}
}

// convert converts a received value to a Go type. For types that hold items, remote lists, dicts and sets are fetched;
// the context applies to these requests.
func convert(ctx context.Context, value any, t reflect.Type) (reflect.Value, error) {
	if t == anyType {
		if value == nil {
			return reflect.Zero(t), nil
		}
		return reflect.ValueOf(value), nil
	}
	if object, ok := value.(*Object); ok {
		plain, err := plainItems(ctx, []any{object}, t)
		if err != nil {
			return reflect.Value{}, err
		}
		value = plain[0]
	}
	if value != nil && t != durationType {
		if v := reflect.ValueOf(value); v.Type() == t {
			return v, nil
		}
	}
	switch t {
	case dictType:
		dict, err := entriesOf(ctx, value)
		return reflect.ValueOf(dict), err
	case bigIntType:
		switch n := value.(type) {
		case nil:
			return reflect.Zero(t), nil
		case int64:
			return reflect.ValueOf(big.NewInt(n)), nil
		case bool:
			return reflect.ValueOf(big.NewInt(int64(number(n)))), nil
		}
		return reflect.Value{}, wrong("int", value)
	case durationType:
		if delta, ok := value.(TimeDelta); ok {
			return durationOf(delta)
		}
		seconds, ok := asFloat(value)
		if !ok {
			return reflect.Value{}, wrong("a number of seconds", value)
		}
		if !(math.Abs(seconds) < math.MaxInt64/1e9) {
			return reflect.Value{}, outside(t, value)
		}
		return reflect.ValueOf(time.Duration(math.Round(seconds * 1e9))), nil
	}
	if name := timeNames[t]; name != "" {
		return reflect.Value{}, wrong("datetime."+name, value)
	}
	switch t.Kind() {
	case reflect.Bool:
		if b, ok := value.(bool); ok {
			return reflect.ValueOf(b).Convert(t), nil
		}
		return reflect.Value{}, wrong("bool", value)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return convertInt(value, t)
	case reflect.Float32, reflect.Float64:
		if f, ok := asFloat(value); ok {
			if reflect.Zero(t).OverflowFloat(f) {
				return reflect.Value{}, outside(t, value)
			}
			return reflect.ValueOf(f).Convert(t), nil
		}
		return reflect.Value{}, wrong("float", value)
	case reflect.Complex64, reflect.Complex128:
		c, ok := value.(complex128)
		if !ok {
			var f float64
			if f, ok = asFloat(value); !ok {
				return reflect.Value{}, wrong("complex", value)
			}
			c = complex(f, 0)
		}
		if reflect.Zero(t).OverflowComplex(c) {
			return reflect.Value{}, outside(t, value)
		}
		return reflect.ValueOf(c).Convert(t), nil
	case reflect.String:
		if s, ok := value.(string); ok {
			return reflect.ValueOf(s).Convert(t), nil
		}
		return reflect.Value{}, wrong("str", value)
	case reflect.Slice:
		return convertSlice(ctx, value, t)
	case reflect.Array:
		return convertArray(ctx, value, t)
	case reflect.Map:
		return convertMap(ctx, value, t)
	case reflect.Func:
		return convertFunc(ctx, value, t)
	case reflect.Interface:
		if value == nil {
			return reflect.Zero(t), nil
		}
		if v := reflect.ValueOf(value); v.Type().Implements(t) {
			return v, nil
		}
		return reflect.Value{}, wrong("a "+t.String(), value)
	case reflect.Pointer:
		if value == nil {
			return reflect.Zero(t), nil
		}
		if t.Elem().Kind() == reflect.Struct {
			break
		}
		element, err := convert(ctx, value, t.Elem())
		if err != nil {
			return reflect.Value{}, err
		}
		pointer := reflect.New(t.Elem())
		pointer.Elem().Set(element)
		return pointer, nil
	}
	if target, ok := reflect.New(t).Interface().(arrayTarget); ok {
		return convertNDArray(ctx, value, target)
	}
	if t == objectType {
		return reflect.Value{}, wrong("an object of the caller", value)
	}
	return reflect.Value{}, wrong("a "+t.String(), value)
}

func number(b bool) int {
	if b {
		return 1
	}
	return 0
}

// asFloat accepts numbers as Python's float() does, if the integer part is not lost.
func asFloat(value any) (float64, bool) {
	switch v := value.(type) {
	case float64:
		return v, true
	case int64:
		return float64(v), true
	case bool:
		return float64(number(v)), true
	case *big.Int:
		f, _ := new(big.Float).SetInt(v).Float64()
		return f, !math.IsInf(f, 0)
	}
	return 0, false
}

func convertInt(value any, t reflect.Type) (reflect.Value, error) {
	result := reflect.New(t).Elem()
	var small int64
	switch v := value.(type) {
	case int64:
		small = v
	case bool:
		small = int64(number(v))
	case *big.Int:
		if result.CanUint() && v.IsUint64() && !result.OverflowUint(v.Uint64()) {
			result.SetUint(v.Uint64())
			return result, nil
		}
		return reflect.Value{}, outside(t, v)
	default:
		return reflect.Value{}, wrong("int", value)
	}
	switch {
	case result.CanInt() && !result.OverflowInt(small):
		result.SetInt(small)
	case result.CanUint() && small >= 0 && !result.OverflowUint(uint64(small)):
		result.SetUint(uint64(small))
	default:
		return reflect.Value{}, outside(t, value)
	}
	return result, nil
}

// itemsOf returns the items of any container, local or remote.
func itemsOf(ctx context.Context, value any) ([]any, bool, error) {
	switch v := value.(type) {
	case Tuple:
		return v, true, nil
	case []any:
		return v, true, nil
	case FrozenSet:
		return v, true, nil
	case *LiveList:
		return v.Items(), true, nil
	case *Iterator:
		items, err := v.rest()
		return items, true, err
	case *Object:
		if kept, ours := v.kept(); ours {
			return itemsOf(ctx, kept)
		}
		if v.isArray() {
			array, err := v.array(ctx)
			if err != nil {
				return nil, false, err
			}
			return itemsOf(ctx, array)
		}
		items, err := v.fetch(ctx)
		return items, true, err
	}
	// A slice of numbers.
	if v := reflect.ValueOf(value); v.Kind() == reflect.Slice && v.Type() != bytesType {
		items := make([]any, v.Len())
		for i := range items {
			items[i] = plainNumber(v.Index(i))
		}
		return items, true, nil
	}
	return nil, false, nil
}

func plainNumber(v reflect.Value) any {
	switch {
	case v.CanInt():
		return v.Int()
	case v.CanUint() && v.Uint() <= math.MaxInt64:
		return int64(v.Uint())
	case v.CanUint():
		return new(big.Int).SetUint64(v.Uint())
	case v.CanFloat():
		return v.Float()
	}
	return v.Interface()
}

func convertSlice(ctx context.Context, value any, t reflect.Type) (reflect.Value, error) {
	if object, ok := value.(*Object); ok && t != tupleType && t != frozenType && object.isArray() {
		array, err := object.array(ctx)
		if err != nil {
			return reflect.Value{}, err
		}
		return convertNumbers(ctx, array, t)
	}
	if t.Elem().Kind() == reflect.Uint8 {
		if b, ok := value.(octets); ok {
			value = []byte(b)
		}
		if b, ok := value.([]byte); ok {
			slice := reflect.New(t).Elem()
			slice.SetBytes(b) // Convert supports no element type except byte
			return slice, nil
		}
		return reflect.Value{}, wrong("bytes", value)
	}
	items, ok, err := itemsOf(ctx, value)
	if err != nil {
		return reflect.Value{}, err
	}
	if !ok || (t == tupleType) || (t == frozenType) {
		what := "list or tuple"
		switch t {
		case tupleType:
			what = "tuple"
		case frozenType:
			what = "frozenset"
		}
		return reflect.Value{}, wrong(what, value)
	}
	slice := reflect.MakeSlice(t, len(items), len(items))
	return slice, convertItems(ctx, items, slice)
}

// convertNumbers converts the content of a peer's array. Unlike convert, it also converts items to a slice of bytes.
func convertNumbers(ctx context.Context, array any, t reflect.Type) (reflect.Value, error) {
	items, ok := array.([]any)
	if !ok || t.Elem().Kind() != reflect.Uint8 {
		return convert(ctx, array, t)
	}
	slice := reflect.MakeSlice(t, len(items), len(items))
	return slice, convertItems(ctx, items, slice)
}

func convertNDArray(ctx context.Context, value any, target arrayTarget) (reflect.Value, error) {
	v := reflect.ValueOf(value)
	var data any
	var shape []int
	var err error
	if object, ok := value.(*Object); ok && object.isArray() {
		data, shape, err = object.numbers(ctx)
	} else if v.IsValid() && v.Kind() == reflect.Slice && v.Type() != bytesType {
		data, shape = value, []int{v.Len()}
	} else {
		return reflect.Value{}, wrong("an array of numbers", value)
	}
	if rows, ok := data.([]any); ok && err == nil {
		data, shape, err = flattened(ctx, rows, shape)
	}
	if err == nil {
		err = target.fill(ctx, data, shape)
	}
	return reflect.ValueOf(target).Elem(), err
}

// flattened joins the rows of an array that arrived as objects.
func flattened(ctx context.Context, rows []any, shape []int) (any, []int, error) {
	var all []any
	var inner []int
	for i, row := range rows {
		object, ok := row.(*Object)
		if !ok || !object.isArray() {
			return rows, shape, nil
		}
		data, of, err := object.numbers(ctx)
		items, _, _ := itemsOf(ctx, data)
		if nested, ok := data.([]any); ok && err == nil {
			data, of, err = flattened(ctx, nested, of)
			items, _, _ = itemsOf(ctx, data)
		}
		if err != nil {
			return nil, nil, err
		}
		if i > 0 && !reflect.DeepEqual(of, inner) {
			return nil, nil, wrong("an array of numbers", row)
		}
		all, inner = append(all, items...), of
	}
	return all, append(shape, inner...), nil
}

func convertItems(ctx context.Context, items []any, into reflect.Value) error {
	items, err := plainItems(ctx, items, into.Type().Elem())
	if err != nil {
		return err
	}
	for i, item := range items {
		element, err := convert(ctx, item, into.Type().Elem())
		if err != nil {
			return inside(err, fmt.Sprintf("item %d", i))
		}
		into.Index(i).Set(element)
	}
	return nil
}

// inside adds the place of the part that does not fit to an error.
func inside(err error, place string) error {
	if m, ok := err.(*mismatch); ok {
		return &mismatch{what: m.what + " in " + place, got: m.got, kind: m.kind}
	}
	return err
}

func convertArray(ctx context.Context, value any, t reflect.Type) (reflect.Value, error) {
	items, ok, err := itemsOf(ctx, value)
	if err != nil {
		return reflect.Value{}, err
	}
	if !ok {
		return reflect.Value{}, wrong("tuple", value)
	}
	if len(items) != t.Len() {
		return reflect.Value{}, &mismatch{fmt.Sprintf("a tuple of %d", t.Len()), fmt.Sprintf("of %d", len(items)), ErrType}
	}
	array := reflect.New(t).Elem()
	return array, convertItems(ctx, items, array)
}

func convertMap(ctx context.Context, value any, t reflect.Type) (reflect.Value, error) {
	if isSet(t) {
		return convertSet(ctx, value, t)
	}
	dict, err := entriesOf(ctx, value)
	if err != nil {
		return reflect.Value{}, err
	}
	if dict, err = plainEntries(ctx, dict, t); err != nil {
		return reflect.Value{}, err
	}
	result := reflect.MakeMapWithSize(t, len(dict))
	for _, item := range dict {
		key, err := convert(ctx, item.Key, t.Key())
		if err != nil {
			return reflect.Value{}, inside(err, "a key")
		}
		if !isKey(key) {
			return reflect.Value{}, wrong("dict with keys that Go can compare", item.Key)
		}
		element, err := convert(ctx, item.Value, t.Elem())
		if err != nil {
			return reflect.Value{}, inside(err, fmt.Sprintf("the value of %v", item.Key))
		}
		result.SetMapIndex(key, element)
	}
	return result, nil
}

// entriesOf returns the entries of any dict, local or remote.
func entriesOf(ctx context.Context, value any) (Dict, error) {
	switch v := value.(type) {
	case Dict:
		return v, nil
	case *LiveDict:
		return v.Entries(), nil
	case *Object:
		if kept, ours := v.kept(); ours {
			return entriesOf(ctx, kept)
		}
		return v.fetchDict(ctx)
	}
	return nil, wrong("dict", value)
}

func convertSet(ctx context.Context, value any, t reflect.Type) (reflect.Value, error) {
	items, ok, err := itemsOf(ctx, value)
	if err != nil {
		return reflect.Value{}, err
	}
	if !ok {
		return reflect.Value{}, wrong("set", value)
	}
	if items, err = plainItems(ctx, items, t.Key()); err != nil {
		return reflect.Value{}, err
	}
	set := reflect.MakeMapWithSize(t, len(items))
	for _, item := range items {
		key, err := convert(ctx, item, t.Key())
		if err != nil {
			return reflect.Value{}, inside(err, "an item")
		}
		if !isKey(key) {
			return reflect.Value{}, wrong("set of items that Go can compare", item)
		}
		set.SetMapIndex(key, reflect.Zero(t.Elem()))
	}
	return set, nil
}

// isKey reports whether a value can be the key of a map. The type is not enough: a Slice is a comparable struct unless
// it contains a Tuple. The map panics for such a key.
func isKey(v reflect.Value) (ok bool) {
	defer func() { ok = recover() == nil }()
	_ = map[any]bool{v.Interface(): true}
	return true
}

// as converts a result for Call and the like.
func as[T any](ctx context.Context, value any) (T, error) {
	var result T
	if direct, ok := value.(T); ok {
		return direct, nil
	}
	converted, err := convert(ctx, value, reflect.TypeOf(&result).Elem())
	if m, ok := err.(*mismatch); ok {
		return result, problemf(m.kind, "the result %s", m.Error())
	}
	if err != nil {
		return result, err
	}
	reflect.ValueOf(&result).Elem().Set(converted)
	return result, nil
}
