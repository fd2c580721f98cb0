package rpyc

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"reflect"
	"strings"
)

// plainKind is a Python type whose values are passed by value, while values of its subclasses and substitutes are
// objects: numpy.float64, members of an IntEnum, Decimal, class Color(str, Enum).
type plainKind int

const (
	noKind plainKind = iota
	boolKind
	intKind
	floatKind
	strKind
	bytesKind
	timeKind     // a type of datetime, by its str()
	durationKind // a timedelta, or a number of seconds
)

// plainKindOf returns the kind of plain value to request from an object that is converted to t.
func plainKindOf(t reflect.Type) plainKind {
	switch t {
	case durationType:
		return durationKind
	case timeType, dateType, clockType, deltaType, zoneType:
		return timeKind
	case bigIntType:
		return intKind
	}
	switch t.Kind() {
	case reflect.Bool:
		return boolKind
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return intKind
	case reflect.Float32, reflect.Float64:
		return floatKind
	case reflect.String:
		return strKind
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return bytesKind
		}
	case reflect.Pointer:
		if t.Elem().Kind() != reflect.Struct {
			return plainKindOf(t.Elem())
		}
	}
	return noKind
}

// methods returns the methods that return a number, in CPython's order.
func (k plainKind) methods() []string {
	switch k {
	case boolKind:
		return []string{"__bool__", "__len__"}
	case intKind:
		return []string{"__index__"}
	case floatKind, durationKind:
		return []string{"__float__", "__index__"}
	}
	return nil
}

// Methods that every subclass of str has and bytes does not, and the reverse.
var (
	methodsOfStr   = []string{"__getitem__", "casefold", "encode", "format_map", "isidentifier", "zfill"}
	methodsOfBytes = []string{"__getitem__", "decode", "fromhex", "hex", "isalnum", "zfill"}
)

// standIn is an object that is being converted to the plain value that it represents.
type standIn struct {
	object  *Object
	kind    plainKind
	place   int
	method  int   // index into the methods of the kind
	failed  error // error of the method, kept while the existence of the method is checked
	inspect bool  // it has the methods of str or bytes, and is copied
}

// plainItems replaces objects among the items by the plain values for the elements of t that they represent. The
// requests are sent in one burst, and in further bursts for objects that need more.
func plainItems(ctx context.Context, items []any, t reflect.Type) ([]any, error) {
	kind := plainKindOf(t)
	if kind == noKind {
		return items, nil
	}
	return plainAll(ctx, items, func(int) plainKind { return kind })
}

// plainAll is plainItems for items with different kinds. The slice of items itself is not modified.
func plainAll(ctx context.Context, items []any, kindOf func(int) plainKind) ([]any, error) {
	var asking []standIn
	var home []Item // local objects that came back, by index
	for i, item := range items {
		object, ok := item.(*Object)
		if !ok || object == nil {
			continue
		}
		kind := kindOf(i)
		name := timeOf(object)
		if kind == durationKind && name == "timedelta" {
			kind = timeKind
		}
		if kind == timeKind && name == "" {
			continue
		}
		if kind == noKind || kind == bytesKind && object.isArray() || kind != boolKind && object.IsClass() {
			continue
		}
		if kept, ours := object.kept(); ours && kind == timeKind {
			home = append(home, Item{i, kept})
		} else if !ours {
			asking = append(asking, standIn{object: object, kind: kind, place: i})
		}
	}
	if len(asking) == 0 && len(home) == 0 {
		return items, nil
	}
	items = append([]any(nil), items...)
	for _, own := range home {
		items[own.Key.(int)] = own.Value
	}
	for len(asking) > 0 {
		next, err := askStandIns(ctx, asking, items)
		if err != nil {
			return nil, err
		}
		asking = next
	}
	return items, nil
}

// plainEntries does the same for the keys and values of a dict that is converted to a map.
func plainEntries(ctx context.Context, dict Dict, t reflect.Type) (Dict, error) {
	kinds := [2]plainKind{plainKindOf(t.Key()), plainKindOf(t.Elem())}
	if kinds == [2]plainKind{} {
		return dict, nil
	}
	both := make([]any, 0, 2*len(dict))
	for _, item := range dict {
		both = append(both, item.Key, item.Value)
	}
	both, err := plainAll(ctx, both, func(i int) plainKind { return kinds[i%2] })
	if err != nil {
		return nil, err
	}
	plain := make(Dict, len(dict))
	for i := range plain {
		plain[i] = Item{both[2*i], both[2*i+1]}
	}
	return plain, nil
}

// askStandIns sends the next request for each object and stores the replies at their indices. It returns the objects
// that need another request.
func askStandIns(ctx context.Context, asking []standIn, items []any) ([]standIn, error) {
	var again []standIn
	for len(asking) > 0 {
		// Objects of one connection are asked together.
		c, count := asking[0].object.conn, 0
		var questions []question
		for count < len(asking) && count < plainBurst && asking[count].object.conn == c {
			q, err := asking[count].question(ctx)
			if err != nil {
				return nil, err
			}
			questions = append(questions, q)
			count++
		}
		answers, failures, err := c.askEach(ctx, questions)
		if err != nil {
			return nil, err
		}
		for i, one := range asking[:count] {
			more, err := one.answered(answers[i], failures[i], &items[one.place])
			if err != nil {
				return nil, err
			}
			if more != nil {
				again = append(again, *more)
			}
		}
		asking = asking[count:]
	}
	return again, nil
}

// plainBurst is the maximum number of objects that are asked at once.
const plainBurst = 1 << 12

func (s standIn) question(ctx context.Context) (question, error) {
	target, err := s.object.target(ctx)
	if err != nil {
		return question{}, err
	}
	methods := s.kind.methods()
	switch {
	case s.kind == timeKind:
		return question{handler: handleStr, object: target}, nil
	case s.failed != nil:
		return question{handler: handleGetAttr, object: target, name: methods[s.method]}, nil
	case methods != nil:
		return question{handler: handleCallAttr, object: target, name: methods[s.method]}, nil
	case s.inspect:
		return question{handler: handleCallAttr, object: target, name: "__getitem__", args: []any{Slice{}}}, nil
	}
	return question{handler: handleInspect, object: target}, nil
}

// answered handles a reply. A result that is not nil needs another request. An object that does not represent a value
// of the kind stays in its place.
func (s standIn) answered(answer any, failed error, place *any) (*standIn, error) {
	methods := s.kind.methods()
	missing := errors.Is(failed, Type("AttributeError"))
	switch {
	case s.kind == timeKind:
		text, isText := answer.(string)
		if failed != nil || !isText {
			return nil, failed
		}
		time, err := parseTime(timeOf(s.object), text)
		if err == nil {
			*place = time
		}
		return nil, nil // otherwise it stays an object and does not fit
	case s.kind == boolKind && s.object.IsClass():
		*place = true // a class is true; its methods are those of its instances
		return nil, nil
	case methods == nil && failed != nil:
		return nil, failed
	case methods == nil && s.inspect:
		_, isStr := answer.(string)
		_, isBytes := answer.([]byte)
		if isStr && s.kind == strKind || isBytes && s.kind == bytesKind {
			*place = answer
		}
		return nil, nil
	case methods == nil:
		if s.inspect = s.hasMethods(answer); s.inspect {
			return &s, nil
		}
		return nil, nil
	case s.failed != nil && !missing:
		return nil, s.failed // the method exists
	case s.failed == nil && failed == nil:
		plain, err := s.number(methods[s.method], answer)
		*place = plain
		return nil, err
	case s.failed == nil && !missing:
		return nil, failed
	case s.failed == nil && !saysMissing(failed, methods[s.method]):
		s.failed = failed
		return &s, nil
	}
	s.failed = nil
	if s.method++; s.method < len(methods) {
		return &s, nil
	}
	if s.kind == boolKind {
		*place = true
	}
	return nil, nil
}

// number checks the result of a method against the requested kind. An int is accepted for a float.
func (s standIn) number(method string, answer any) (any, error) {
	wanted := "int"
	switch method {
	case "__float__":
		wanted = "float"
		if f, ok := answer.(float64); ok {
			return f, nil
		}
	case "__bool__":
		if b, ok := answer.(bool); ok {
			return b, nil
		}
		return nil, Raise("TypeError", "__bool__ should return bool, returned "+pythonType(answer))
	default:
		switch n := answer.(type) {
		case bool:
			answer = int64(number(n))
		case int64:
		case *big.Int:
			if s.kind == boolKind {
				answer = int64(n.Sign())
			}
		default:
			return nil, Raise("TypeError", fmt.Sprintf("%s returned non-int (type %s)", method, pythonType(answer)))
		}
		if s.kind != boolKind {
			return answer, nil
		}
		if length, _ := answer.(int64); length < 0 {
			return nil, Raise("ValueError", "__len__() should return >= 0")
		}
		return answer != int64(0), nil
	}
	return nil, Raise("TypeError", fmt.Sprintf("%s returned non-%s (type %s)", method, wanted, pythonType(answer)))
}

// hasMethods reports whether the reply to INSPECT names all methods that identify the type.
func (s standIn) hasMethods(answer any) bool {
	pairs, _ := answer.(Tuple)
	has := make(map[any]bool, len(pairs))
	for _, pair := range pairs {
		if pair, ok := pair.(Tuple); ok && len(pair) > 0 {
			if name, ok := pair[0].(string); ok {
				has[name] = true
			}
		}
	}
	wanted := methodsOfStr
	if s.kind == bytesKind {
		wanted = methodsOfBytes
	}
	for _, name := range wanted {
		if !has[name] {
			return false
		}
	}
	return true
}

// saysMissing reports whether an AttributeError is about the attribute itself. One that a method raises is about
// something else.
func saysMissing(err error, name string) bool {
	var remote *RemoteError
	if !errors.As(err, &remote) || len(remote.Args) == 0 {
		return false
	}
	text, _ := remote.Args[0].(string)
	return strings.HasSuffix(text, " has no attribute '"+name+"'")
}
