package rpyc

import (
	"reflect"
	"time"
)

// Tuple is a Python tuple. Results that are tuples, and remote tuples in arguments, have this type.
type Tuple []any

// FrozenSet is a Python frozenset, in no particular order.
type FrozenSet []any

// Slice is a Python slice, as in seq[Start:Stop:Step]. Omitted parts are nil.
type Slice struct {
	Start, Stop, Step any
}

// Item is one entry of a Dict.
type Item struct {
	Key, Value any
}

// Dict is a Python dict in its order. RPyC in Python never sends a dict by value; it arrives as an *Object.
type Dict []Item

// Lookup returns the value of a key that is a string, and whether there is one.
func (d Dict) Lookup(key string) (any, bool) {
	for _, item := range d {
		if text, ok := item.Key.(string); ok && text == key {
			return item.Value, true
		}
	}
	return nil, false
}

// Keywords are keyword arguments. As the last argument of a call, they are sent by name. A parameter of this type
// receives the keywords for which the function has no parameter.
type Keywords map[string]any

// Array is an array of numbers, see Numbers.
type Array struct{ numbers any }

// Number is the type of an Array's items.
type Number interface {
	~int8 | ~uint8 | ~int16 | ~uint16 | ~int32 | ~uint32 | ~int64 | ~uint64 | ~float32 | ~float64
}

// Numbers makes an array for sending from a copy of a slice. A Python peer gets an object like array.array, whose bytes
// it can fetch in one request. A peer of this library that agreed on native values gets the numbers, for any slice type
// of them.
func Numbers[T Number](numbers []T) Array { return Array{numbers} }

type singleton string

func (s singleton) String() string { return string(s) }

// Python values that Go has no equivalent for.
const (
	Ellipsis       = singleton("Ellipsis")
	NotImplemented = singleton("NotImplemented")
)

// pythonType returns Python's name of the type of a value, for messages.
func pythonType(value any) string {
	switch v := value.(type) {
	case nil:
		return "NoneType"
	case bool:
		return "bool"
	case int64, bigInt:
		return "int"
	case float64:
		return "float"
	case complex128:
		return "complex"
	case string:
		return "str"
	case []byte:
		return "bytes"
	case Tuple:
		return "tuple"
	case FrozenSet:
		return "frozenset"
	case Slice:
		return "slice"
	case *ClassObject:
		return "type"
	case Dict:
		return "dict"
	case []any:
		return "list"
	case singleton:
		return map[singleton]string{Ellipsis: "ellipsis", NotImplemented: "NotImplementedType"}[v]
	case *Function:
		return "function"
	case time.Time:
		return "datetime.datetime"
	case Date, Clock, TimeDelta, TimeZone:
		return "datetime." + timeNames[reflect.TypeOf(v)]
	case *Object:
		return v.TypeName()
	}
	if of, err := classFor(reflect.TypeOf(value)); err == nil {
		return of.name
	}
	return typeName(value)
}
