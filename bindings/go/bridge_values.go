package rpyc

/*
#include <stdlib.h>
#include <rpyc.h>

static rpyc_object *go_object(uint64_t address) { return (rpyc_object *)(uintptr_t)address; }
static rpyc_value *go_value(uint64_t address) { return (rpyc_value *)(uintptr_t)address; }
static rpyc_class *go_class(uint64_t address) { return (rpyc_class *)(uintptr_t)address; }
static uint64_t go_address(const void *pointer) { return (uint64_t)(uintptr_t)pointer; }
*/
import "C"

import (
	"math"
	"math/big"
	"reflect"
	"runtime"
	"unsafe"
)

// Values as single handles, for uses without a packed form: raw requests, and copies of the containers that the library
// keeps.

// handles makes handles of packed values.
type handles struct {
	core    *core
	from    unpacker
	failure *C.rpyc_error
	failed  bool
}

// request sends a request with a packed tuple as its arguments, unchanged, and returns its number.
func (c *core) request(token uint64, handler int32, packed []byte, left int64) (int64, error) {
	h := handles{core: c, from: unpacker{rest: packed[1:]}}
	args := h.all(h.from.count())
	if h.failed {
		freeValues(args)
		return 0, h.error()
	}
	var sequence C.int64_t
	status := C.rpyc_session_request(c.session, C.uint64_t(token), C.int32_t(handler), first(args), C.size_t(len(args)),
		C.int64_t(left), &sequence, &h.failure)
	if status != C.RPYC_OK {
		return 0, h.error()
	}
	return int64(sequence), nil
}

// repr returns Python's repr() of a packed value.
func (c *core) repr(packed []byte) (string, error) {
	h := handles{core: c, from: unpacker{rest: packed}}
	value := h.value()
	if h.failed {
		C.rpyc_value_free(value)
		return "", h.error()
	}
	defer C.rpyc_value_free(value)
	text := C.rpyc_value_repr(value)
	defer C.rpyc_value_free(text)
	return textOf(text), nil
}

func textOf(value *C.rpyc_value) string {
	var text *C.char
	var length C.size_t
	C.rpyc_value_get_str(value, &text, &length, nil)
	return string(unsafe.Slice((*byte)(unsafe.Pointer(text)), int(length)))
}

// arrayHandle makes an array from a slice of numbers.
func arrayHandle(numbers any) (uint64, error) {
	v := reflect.ValueOf(numbers)
	if v.Kind() != reflect.Slice {
		return 0, problemf(ErrType, "an Array is made by Numbers")
	}
	kind := map[reflect.Kind]C.rpyc_array_type_id{reflect.Int8: C.RPYC_ARRAY_INT8, reflect.Uint8: C.RPYC_ARRAY_UINT8,
		reflect.Int16: C.RPYC_ARRAY_INT16, reflect.Uint16: C.RPYC_ARRAY_UINT16, reflect.Int32: C.RPYC_ARRAY_INT32,
		reflect.Uint32: C.RPYC_ARRAY_UINT32, reflect.Int64: C.RPYC_ARRAY_INT64, reflect.Uint64: C.RPYC_ARRAY_UINT64,
		reflect.Float32: C.RPYC_ARRAY_FLOAT, reflect.Float64: C.RPYC_ARRAY_DOUBLE}[v.Type().Elem().Kind()]
	var value *C.rpyc_value
	var failure *C.rpyc_error
	var data unsafe.Pointer
	if v.Len() > 0 {
		data = v.UnsafePointer()
	}
	if C.rpyc_value_new_array(kind, data, C.size_t(v.Len()), &value, &failure) != C.RPYC_OK {
		return 0, takeError(failure)
	}
	runtime.KeepAlive(numbers)
	return uint64(C.go_address(unsafe.Pointer(value))), nil
}

func freeValue(handle uint64) { C.rpyc_value_free(C.go_value(C.uint64_t(handle))) }

func (h *handles) error() error {
	if h.failure == nil {
		return problemf(ErrType, "a value cannot be sent as it is")
	}
	return takeError(h.failure)
}

func freeValues(values []*C.rpyc_value) {
	for _, value := range values {
		C.rpyc_value_free(value)
	}
}

func first(values []*C.rpyc_value) **C.rpyc_value {
	if len(values) == 0 {
		return nil
	}
	return &values[0]
}

// all makes count values.
func (h *handles) all(count int) []*C.rpyc_value {
	values := make([]*C.rpyc_value, 0, count)
	for i := 0; i < count; i++ {
		values = append(values, h.value())
	}
	return values
}

// made takes the result of a library function. The first failure is kept.
func (h *handles) made(value *C.rpyc_value, status C.rpyc_status, failure *C.rpyc_error) *C.rpyc_value {
	if status != C.RPYC_OK {
		if h.failed {
			C.rpyc_error_free(failure)
		} else {
			h.failure, h.failed = failure, true
		}
	}
	return value
}

func (h *handles) value() *C.rpyc_value {
	var value *C.rpyc_value
	var failure *C.rpyc_error
	u := &h.from
	kind := u.bytes(1)
	if u.bad {
		return h.made(nil, C.RPYC_ERR_ARGUMENT, nil)
	}
	switch kind[0] {
	case packedNone:
		return C.rpyc_value_new_none()
	case packedNotImplemented:
		return C.rpyc_value_new_not_implemented()
	case packedEllipsis:
		return C.rpyc_value_new_ellipsis()
	case packedFalse:
		return C.rpyc_value_new_bool(0)
	case packedTrue:
		return C.rpyc_value_new_bool(1)
	case packedInt:
		return C.rpyc_value_new_int(C.int64_t(u.word()))
	case packedFloat:
		return C.rpyc_value_new_float(C.double(math.Float64frombits(u.word())))
	case packedComplex:
		re := math.Float64frombits(u.word())
		return C.rpyc_value_new_complex(C.double(re), C.double(math.Float64frombits(u.word())))
	case packedBigInt:
		text := u.bytes(u.count())
		return h.made(value, C.rpyc_value_new_int_text((*C.char)(bytesPointer(text)), C.size_t(len(text)), &value, &failure), failure)
	}
	return h.compound(kind[0])
}

// compound makes values that have parts, and values whose functions return a status.
func (h *handles) compound(kind byte) *C.rpyc_value {
	var value *C.rpyc_value
	var failure *C.rpyc_error
	status := C.rpyc_status(C.RPYC_ERR_ARGUMENT)
	u := &h.from
	switch kind {
	case packedStr:
		text := append(u.bytes(u.count()), 0) // an empty string needs an address too
		status = C.rpyc_value_new_str((*C.char)(bytesPointer(text)), C.size_t(len(text)-1), &value, &failure)
	case packedBytes:
		data := u.bytes(u.count())
		status = C.rpyc_value_new_bytes(bytesPointer(data), C.size_t(len(data)), &value, &failure)
	case packedTuple:
		items := h.all(u.count())
		status = C.rpyc_value_new_tuple(first(items), C.size_t(len(items)), &value, &failure)
	case packedList:
		items := h.all(u.count())
		status = C.rpyc_value_new_list(first(items), C.size_t(len(items)), &value, &failure)
	case packedFrozenSet:
		items := h.all(u.count())
		status = C.rpyc_value_new_frozenset(first(items), C.size_t(len(items)), &value, &failure)
	case packedDict:
		count := u.count()
		var keys, values []*C.rpyc_value
		for i := 0; i < count; i++ {
			keys = append(keys, h.value())
			values = append(values, h.value())
		}
		status = C.rpyc_value_new_dict(first(keys), first(values), C.size_t(count), &value, &failure)
	case packedSlice:
		parts := h.all(3)
		status = C.rpyc_value_new_slice(parts[0], parts[1], parts[2], &value, &failure)
	case packedObject:
		status = C.rpyc_value_new_object(C.go_object(C.uint64_t(u.word())), &value, &failure)
	case packedValue:
		return C.rpyc_value_clone(C.go_value(C.uint64_t(u.word())))
	case packedOwn:
		var object *C.rpyc_object
		token, class := u.word(), u.word()
		status = C.rpyc_session_object_new(h.core.session, C.go_class(C.uint64_t(class)), C.uint64_t(token), &object, &failure)
		if status == C.RPYC_OK {
			status = C.rpyc_value_new_object(object, &value, &failure)
			C.rpyc_object_free(object)
		}
	}
	return h.made(value, status, failure)
}

// ---------------------------------------------------------------- local containers

// kept copies a local list, dict or frozenset that was sent and came back, from the library's copy. It returns false
// for any other object. The connection's lock is held.
func (c *conn) kept(handle uint64) (any, bool) {
	object := C.go_object(C.uint64_t(handle))
	name := objectTypeName(handle)
	switch name {
	case "builtins.list", "array.array":
		return c.keptItems(object)
	case "builtins.frozenset":
		items, ok := c.keptItems(object)
		return FrozenSet(items), ok
	case "builtins.dict":
		items := C.CString("items")
		defer C.free(unsafe.Pointer(items))
		var value *C.rpyc_value
		if C.rpyc_object_call_method(object, items, nil, 0, nil, &value, nil) != C.RPYC_OK {
			return nil, false
		}
		defer C.rpyc_value_free(value)
		var view *C.rpyc_object
		if C.rpyc_value_get_object(value, &view, nil) != C.RPYC_OK {
			return nil, false
		}
		defer C.rpyc_object_free(view)
		pairs, ok := c.keptItems(view)
		dict := make(Dict, 0, len(pairs))
		for _, pair := range pairs {
			entry, isPair := pair.(Tuple)
			if ok = ok && isPair && len(entry) == 2; !ok {
				return nil, false
			}
			dict = append(dict, Item{entry[0], entry[1]})
		}
		return dict, ok
	case "datetime.date", "datetime.time", "datetime.datetime", "datetime.timedelta", "datetime.timezone":
		var text *C.rpyc_value
		if C.rpyc_object_str(object, &text, nil) != C.RPYC_OK {
			return nil, false
		}
		defer C.rpyc_value_free(text)
		time, err := parseTime(name[len("datetime."):], textOf(text))
		return time, err == nil
	}
	return nil, false
}

func (c *conn) keptItems(object *C.rpyc_object) ([]any, bool) {
	var iterator *C.rpyc_iterator
	if C.rpyc_object_iterate(object, &iterator, nil) != C.RPYC_OK {
		return nil, false
	}
	defer C.rpyc_iterator_free(iterator)
	items := []any{}
	for {
		var item *C.rpyc_value
		switch C.rpyc_iterator_next(iterator, &item, nil) {
		case C.RPYC_OK:
			items = append(items, c.ofHandle(item))
		case C.RPYC_ERR_STOP_ITERATION:
			return items, true
		default:
			return nil, false
		}
	}
}

// ofHandle makes a Go value of a value of the library and frees its handle.
func (c *conn) ofHandle(value *C.rpyc_value) any {
	defer C.rpyc_value_free(value)
	return c.ofValue(value)
}

func (c *conn) ofValue(value *C.rpyc_value) any {
	parts := func() []any {
		items := make([]any, int(C.rpyc_value_count(value)))
		for i := range items {
			items[i] = c.ofValue(C.rpyc_value_item(value, C.size_t(i)))
		}
		return items
	}
	if time, ok := timeIn(value); ok {
		return time
	}
	switch C.rpyc_value_kind(value) {
	case C.RPYC_VALUE_NOT_IMPLEMENTED:
		return NotImplemented
	case C.RPYC_VALUE_ELLIPSIS:
		return Ellipsis
	case C.RPYC_VALUE_BOOL:
		var b C.bool
		C.rpyc_value_get_bool(value, &b, nil)
		return bool(b)
	case C.RPYC_VALUE_INT:
		var n C.int64_t
		if C.rpyc_value_get_int(value, &n, nil) == C.RPYC_OK {
			return int64(n)
		}
		var text *C.rpyc_value
		C.rpyc_value_get_int_text(value, &text, nil)
		defer C.rpyc_value_free(text)
		large, _ := new(big.Int).SetString(textOf(text), 10)
		return large
	case C.RPYC_VALUE_FLOAT:
		var x C.double
		C.rpyc_value_get_float(value, &x, nil)
		return float64(x)
	case C.RPYC_VALUE_COMPLEX:
		var re, im C.double
		C.rpyc_value_get_complex(value, &re, &im, nil)
		return complex(float64(re), float64(im))
	case C.RPYC_VALUE_STR:
		return textOf(value)
	case C.RPYC_VALUE_BYTES:
		var data *C.uint8_t
		var length C.size_t
		C.rpyc_value_get_bytes(value, &data, &length, nil)
		return append([]byte{}, unsafe.Slice((*byte)(data), int(length))...)
	case C.RPYC_VALUE_TUPLE:
		return Tuple(parts())
	case C.RPYC_VALUE_FROZENSET:
		return FrozenSet(parts())
	case C.RPYC_VALUE_LIST:
		return parts()
	case C.RPYC_VALUE_SLICE:
		items := parts()
		return Slice{items[0], items[1], items[2]}
	case C.RPYC_VALUE_DICT:
		dict := make(Dict, int(C.rpyc_value_count(value)))
		for i := range dict {
			dict[i] = Item{c.ofValue(C.rpyc_value_key(value, C.size_t(i))), c.ofValue(C.rpyc_value_item(value, C.size_t(i)))}
		}
		return dict
	case C.RPYC_VALUE_OBJECT:
		var object *C.rpyc_object
		var token C.uint64_t
		C.rpyc_value_get_object(value, &object, nil)
		if C.rpyc_object_token(object, &token) {
			C.rpyc_object_free(object)
			return c.ownByToken(uint64(token))
		}
		return c.adopt(uint64(C.go_address(unsafe.Pointer(object))), false)
	}
	return nil
}
