package rpyc

import (
	"context"
	"math"
	"math/big"
	"reflect"
	"sort"
	"time"
	"unicode/utf8"
)

// encoder packs Go values for the library. Until the packed values have been handed over, it keeps the handles of
// Objects from being released and the tokens of exported values from being dropped.
type encoder struct {
	conn    *conn
	ctx     context.Context // of the request; nil if the peer cannot be asked meanwhile
	buf     []byte
	objects []*Object
	locals  []*local
	handles []uint64 // of values; freed after use
	depth   int
}

// maxDepth is the maximum depth of nested Go values. A value that contains itself has no end.
const maxDepth = 1000

// lent records that the library has received the exported values. The connection's lock is held.
func (e *encoder) lent() {
	for _, own := range e.locals {
		own.lent = true
	}
}

// done ends an encoding.
func (e *encoder) done() {
	for _, object := range e.objects {
		object.letGo()
	}
	if len(e.locals) > 0 {
		e.conn.unpin(e.locals)
	}
	for _, handle := range e.handles {
		freeValue(handle)
	}
}

func (e *encoder) header(kind byte, n int) { e.buf = putHeader(e.buf, kind, n) }

// fits checks that a length has a packed form.
func fits(n int) error {
	if uint64(n) > math.MaxUint32 {
		return problemf(ErrLimit, "cannot send a value with %d items or bytes: it is too large", n)
	}
	return nil
}

// arguments packs the arguments of a call. The last may be Keywords.
func (e *encoder) arguments(args []any) error {
	var keywords Keywords
	if n := len(args); n > 0 {
		if last, ok := args[n-1].(Keywords); ok {
			keywords, args = last, args[:n-1]
		}
	}
	e.header(packedTuple, 2)
	e.header(packedTuple, len(args))
	for _, arg := range args {
		if err := e.put(arg); err != nil {
			return err
		}
	}
	e.header(packedDict, len(keywords))
	for _, name := range sortedNames(keywords) {
		if err := e.all(name, keywords[name]); err != nil {
			return err
		}
	}
	return nil
}

func sortedNames[T any](named map[string]T) []string {
	names := make([]string, 0, len(named))
	for name := range named {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

func (e *encoder) put(value any) error {
	switch v := value.(type) {
	case nil:
		e.buf = append(e.buf, packedNone)
	case bool:
		e.putBool(v)
	case int:
		e.buf = putWord(e.buf, packedInt, uint64(v))
	case int64:
		e.buf = putWord(e.buf, packedInt, uint64(v))
	case float64:
		e.buf = putFloat(e.buf, v)
	case string:
		return e.putString(v)
	case []byte:
		return e.putBytes(v)
	case Tuple:
		return e.sequence(packedTuple, v)
	case []any:
		return e.sequence(packedList, v)
	case FrozenSet:
		return e.sequence(packedFrozenSet, v)
	case Dict:
		e.header(packedDict, len(v))
		for _, item := range v {
			if err := e.all(item.Key, item.Value); err != nil {
				return err
			}
		}
	case Slice:
		e.buf = append(e.buf, packedSlice)
		return e.all(v.Start, v.Stop, v.Step)
	case singleton:
		if v == Ellipsis {
			e.buf = append(e.buf, packedEllipsis)
		} else {
			e.buf = append(e.buf, packedNotImplemented)
		}
	case *big.Int:
		if v == nil {
			e.buf = append(e.buf, packedNone)
		} else {
			e.buf = putText(e.buf, packedBigInt, v.String())
		}
	case time.Duration:
		e.buf = putFloat(e.buf, v.Seconds())
	case time.Time, Date, Clock, TimeDelta, TimeZone:
		handle, err := timeHandle(v)
		if err != nil {
			return err
		}
		e.handles = append(e.handles, handle)
		e.buf = putWord(e.buf, packedValue, handle)
	case *Object:
		return e.putObject(v)
	case asItIs:
		return e.hold(v.object)
	case Array:
		handle, err := arrayHandle(v.numbers)
		if err != nil {
			return err
		}
		e.handles = append(e.handles, handle)
		e.buf = putWord(e.buf, packedValue, handle)
	case *ClassObject:
		if v == nil {
			e.buf = append(e.buf, packedNone)
			return nil
		}
		handle, err := e.conn.classSelf(v.class)
		e.buf = putWord(e.buf, packedObject, handle)
		return err
	default:
		return e.reflected(reflect.ValueOf(value))
	}
	return nil
}

func (e *encoder) putBool(value bool) {
	kind := byte(packedFalse)
	if value {
		kind = packedTrue
	}
	e.buf = append(e.buf, kind)
}

func (e *encoder) putBytes(data []byte) error {
	err := fits(len(data))
	if err == nil {
		e.header(packedBytes, len(data))
		e.buf = append(e.buf, data...)
	}
	return err
}

func (e *encoder) putString(text string) error {
	err := fits(len(text))
	if err == nil && !utf8.ValidString(text) {
		err = problemf(ErrType, "cannot send a string that is not UTF-8; send it as []byte")
	}
	if err == nil {
		e.buf = putText(e.buf, packedStr, text)
	}
	return err
}

func (e *encoder) all(values ...any) error {
	e.depth++
	defer func() { e.depth-- }()
	if e.depth > maxDepth {
		return problemf(ErrType, "cannot send the value: it is nested too deep, or contains itself")
	}
	for _, value := range values {
		if err := e.put(value); err != nil {
			return err
		}
	}
	return nil
}

func (e *encoder) sequence(kind byte, items []any) error {
	e.header(kind, len(items))
	return e.all(items...)
}

// reflected packs values of types that other packages define.
func (e *encoder) reflected(v reflect.Value) error {
	switch v.Kind() {
	case reflect.Bool:
		e.putBool(v.Bool())
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		e.buf = putWord(e.buf, packedInt, uint64(v.Int()))
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		e.buf = putUint(e.buf, v.Uint())
	case reflect.Float32, reflect.Float64:
		e.buf = putFloat(e.buf, v.Float())
	case reflect.Complex64, reflect.Complex128:
		c := v.Complex()
		e.buf = putWord(e.buf, packedComplex, math.Float64bits(real(c)))
		e.buf = appendWord(e.buf, math.Float64bits(imag(c)))
	case reflect.String:
		return e.putString(v.String())
	case reflect.Array:
		return e.items(packedTuple, v)
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return e.putBytes(v.Bytes())
		}
		if v.IsNil() {
			e.header(packedList, 0)
			return nil
		}
		return e.items(packedList, v)
	case reflect.Map:
		entries := sortedEntries(v)
		if isSet(v.Type()) {
			e.header(packedFrozenSet, len(entries))
			for _, entry := range entries {
				if err := e.all(entry.key.Interface()); err != nil {
					return err
				}
			}
			return nil
		}
		e.header(packedDict, len(entries))
		for _, entry := range entries {
			if err := e.all(entry.key.Interface(), entry.value.Interface()); err != nil {
				return err
			}
		}
	case reflect.Func:
		if v.IsNil() {
			e.buf = append(e.buf, packedNone)
			return nil
		}
		return e.lend(v.Interface())
	case reflect.Pointer:
		if v.IsNil() {
			e.buf = append(e.buf, packedNone)
			return nil
		}
		if v.Elem().Kind() == reflect.Struct {
			return e.lend(v.Interface())
		}
		return e.all(v.Elem().Interface())
	default:
		return problemf(ErrType, "a Go %s cannot be sent%s", v.Type(), advice(v))
	}
	return nil
}

func advice(v reflect.Value) string {
	if v.Kind() == reflect.Struct {
		return "; a pointer to it can, as an object with its methods"
	}
	return ""
}

// isSet reports whether a type is a Go set: map[T]struct{}.
func isSet(t reflect.Type) bool {
	return t.Elem().Kind() == reflect.Struct && t.Elem().NumField() == 0
}

func (e *encoder) items(kind byte, v reflect.Value) error {
	if err := fits(v.Len()); err != nil {
		return err
	}
	e.header(kind, v.Len())
	for i := 0; i < v.Len(); i++ {
		if err := e.all(v.Index(i).Interface()); err != nil {
			return err
		}
	}
	return nil
}

// entry is a key of a map with its value.
type entry struct{ key, value reflect.Value }

// sortedEntries returns the entries of a map; those with strings and integers as keys are sorted. Keys and values are
// read together, because a NaN key finds no value again.
func sortedEntries(v reflect.Value) []entry {
	entries := make([]entry, 0, v.Len())
	for each := v.MapRange(); each.Next(); {
		entries = append(entries, entry{each.Key(), each.Value()})
	}
	sort.Slice(entries, func(i, j int) bool {
		a, b := entries[i].key, entries[j].key
		switch a.Kind() {
		case reflect.String:
			return a.String() < b.String()
		case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
			return a.Int() < b.Int()
		}
		return false
	})
	return entries
}

func (e *encoder) putObject(object *Object) error {
	if object == nil {
		e.buf = append(e.buf, packedNone)
		return nil
	}
	if object.conn != e.conn {
		if root, err := object.resolved(); err == nil {
			object = root // shared by all handles of the root
		}
		return e.lend(object)
	}
	if object.isRoot && e.ctx != nil {
		if _, err := object.conn.root(e.ctx); err != nil {
			return err
		}
	}
	return e.hold(object)
}

// asItIs is an object, of any connection, whose handle is passed unchanged.
type asItIs struct{ object *Object }

// hold packs the handle of an object.
func (e *encoder) hold(object *Object) error {
	object, err := object.resolved()
	if err != nil {
		return err
	}
	handle, err := object.hold()
	if err != nil {
		return err
	}
	e.objects = append(e.objects, object)
	e.buf = putWord(e.buf, packedObject, handle)
	return nil
}

// lend packs a value that is passed by reference.
func (e *encoder) lend(value any) error {
	own, err := e.conn.pin(value)
	if err != nil {
		return err
	}
	e.locals = append(e.locals, own)
	handle, class, err := e.conn.lendable(own)
	if err != nil {
		return err
	}
	if handle != 0 {
		e.buf = putWord(e.buf, packedObject, handle)
		return nil
	}
	e.buf = putWord(e.buf, packedOwn, own.token)
	e.buf = appendWord(e.buf, class)
	return nil
}
