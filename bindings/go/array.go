package rpyc

import (
	"bytes"
	"context"
	"encoding/binary"
	"math"
	"reflect"
	"strconv"
	"strings"
	"unsafe"
)

// NDArray is an array of numbers with its shape. Call[NDArray[float64]] and the like copy a peer's numpy.ndarray,
// array.array, memoryview or bytearray into one. The last index varies fastest.
type NDArray[T Number] struct {
	Data  []T
	Shape []int // empty for a single number
}

// arrayTarget is implemented by pointers to an NDArray.
type arrayTarget interface {
	fill(ctx context.Context, data any, shape []int) error
}

func (a *NDArray[T]) fill(ctx context.Context, data any, shape []int) error {
	converted, err := convertNumbers(ctx, data, reflect.TypeOf(a.Data))
	if err == nil {
		a.Data, a.Shape = converted.Interface().([]T), shape
	}
	return err
}

// octets are 8-bit numbers. A []byte would become Python's bytes.
type octets []uint8

// scalarMethods are the methods that convert numbers and strings of numpy to Python's.
var scalarMethods = map[string]string{
	"bool": "__bool__", "bool_": "__bool__", "float16": "__float__", "float32": "__float__", "float64": "__float__",
	"longdouble": "__float__", "int8": "__index__", "int16": "__index__", "int32": "__index__", "int64": "__index__",
	"uint8": "__index__", "uint16": "__index__", "uint32": "__index__", "uint64": "__index__", "intc": "__index__",
	"uintc": "__index__", "longlong": "__index__", "ulonglong": "__index__",
	"str": "__getitem__", "str_": "__getitem__", "bytes_": "__getitem__",
}

// scalarMethod returns the method that converts a number or string of numpy, and its arguments.
func scalarMethod(o *Object) (string, []any) {
	name := o.TypeName()
	if !strings.HasPrefix(name, "numpy.") || o.IsClass() {
		return "", nil
	}
	method := scalarMethods[name[len("numpy."):]]
	if method == "__getitem__" {
		return method, []any{Slice{}}
	}
	return method, nil
}

// isArray reports whether an object of the peer is an array that is copied as a whole. For a local object that came
// back no request is sent.
func (o *Object) isArray() bool {
	switch o.TypeName() {
	case "numpy.ndarray", "numpy.memmap", "array.array", "builtins.memoryview", "builtins.bytearray":
		_, ours := o.kept()
		return !ours && !o.IsClass()
	}
	return false
}

// numbers copies an array. It returns a slice of the numbers and the shape. If the items are not numbers of one type,
// or the peer does not reveal the type, it returns the items in a []any. If the peer allows access to public names, it
// sends the bytes, in two bursts of requests.
func (o *Object) numbers(ctx context.Context) (any, []int, error) {
	data, shape, err := o.byBytes(ctx)
	if data != nil || err != nil {
		return data, shape, err
	}
	items, err := o.fetch(ctx)
	if errTypeOfPeer(err) && o.TypeName() == "numpy.ndarray" {
		item, err := o.Item(ctx, Tuple{}) // it has no dimensions
		if err == nil {
			items = []any{item}
			err = plainScalars(ctx, items)
		}
		return items, []int{}, err
	}
	if err == nil {
		err = plainScalars(ctx, items)
	}
	return items, []int{len(items)}, err
}

func errTypeOfPeer(err error) bool {
	remote, ok := err.(*RemoteError)
	return ok && remote.Type == "TypeError"
}

// byBytes copies an array by its bytes; nil if the peer does not send them or they are not numbers.
func (o *Object) byBytes(ctx context.Context) (any, []int, error) {
	get := func(name string) question { return question{handler: handleGetAttr, object: o, name: name} }
	call := func(name string, args ...any) question {
		return question{handler: handleCallAttr, object: o, name: name, args: args}
	}
	about, content := []question{get("dtype"), get("shape")}, call("tobytes")
	switch o.TypeName() {
	case "array.array":
		about = []question{get("typecode"), call("__len__")}
	case "builtins.memoryview":
		about = []question{get("format"), get("shape")}
	case "builtins.bytearray":
		about, content = []question{call("__len__")}, call("decode", "latin-1")
	}
	told, refused, err := o.conn.askAll(ctx, about)
	if err != nil || refused {
		return nil, nil, err
	}
	shape, count, err := o.shape(told[len(told)-1])
	if err != nil {
		return nil, nil, err
	}
	questions := []question{content}
	if dtype, ok := told[0].(*Object); ok {
		questions = append(questions, question{handler: handleGetAttr, object: dtype, name: "str"})
	}
	answers, refused, err := o.conn.askAll(ctx, questions)
	if err != nil || refused {
		return nil, nil, err
	}
	if text, ok := answers[0].(string); ok {
		numbers := make(octets, 0, count)
		for _, letter := range text {
			numbers = append(numbers, uint8(letter))
		}
		return numbers, []int{len(numbers)}, nil
	}
	sent, _ := answers[0].([]byte)
	code, _ := told[0].(string)
	if len(answers) == 2 {
		if code, _ = answers[1].(string); code != "" {
			code = codeOfNumpy(code)
		}
	}
	if data := decodeNumbers(sent, code, count); data != nil {
		return data, shape, nil
	}
	if o.TypeName() != "numpy.ndarray" {
		return nil, nil, nil
	}
	list, err := o.CallMethod(ctx, "tolist")
	if err != nil {
		return nil, nil, err
	}
	items, ok, err := itemsOf(ctx, list)
	if !ok && err == nil {
		items = []any{list}
	}
	return items, []int{len(items)}, err
}

// askAll sends all questions before it waits for a reply. An exception of the peer is not reported as an error.
func (c *conn) askAll(ctx context.Context, questions []question) (answers []any, refused bool, err error) {
	answers, refusals, err := c.askEach(ctx, questions)
	for _, refusal := range refusals {
		_, remote := refusal.(*RemoteError)
		refused = refused || remote
	}
	return answers, refused, err
}

// askEach is askAll with a separate failure for each question.
func (c *conn) askEach(ctx context.Context, questions []question) (answers []any, refusals []error, err error) {
	ctx, cancel := c.limited(ctx)
	defer cancel()
	sent := make([]asked, 0, len(questions))
	for _, q := range questions {
		a, failed := c.begin(ctx, q)
		if err = failed; err != nil {
			break
		}
		sent = append(sent, a)
	}
	for _, a := range sent {
		answer, failed := c.wait(ctx, a)
		if _, remote := failed.(*RemoteError); !remote && failed != nil && err == nil {
			err = failed
		}
		answers, refusals = append(answers, answer), append(refusals, failed)
	}
	return answers, refusals, err
}

// plainScalars converts numpy's numbers and strings to Python's, all in one burst.
func plainScalars(ctx context.Context, items []any) error {
	var questions []question
	var places []int
	var c *conn
	for i, item := range items {
		if object, ok := item.(*Object); ok {
			if name, args := scalarMethod(object); name != "" {
				c = object.conn
				questions = append(questions, question{handler: handleCallAttr, object: object, name: name, args: args})
				places = append(places, i)
			}
		}
	}
	if len(questions) == 0 {
		return nil
	}
	answers, refused, err := c.askAll(ctx, questions)
	if err != nil || refused {
		return err
	}
	for i, place := range places {
		items[place] = answers[i]
	}
	return nil
}

// shape reads the shape of an array, or its length, and the number of items.
func (o *Object) shape(told any) ([]int, int, error) {
	lengths, ok := told.(Tuple)
	if !ok {
		lengths = Tuple{told}
	}
	shape, count := make([]int, len(lengths)), 1
	for i, length := range lengths {
		n, ok := length.(int64)
		if !ok || n < 0 {
			return nil, 0, wrong("the shape of an array", told)
		}
		if n > int64(o.conn.options.fetchLimit) {
			return nil, 0, tooMany()
		}
		shape[i] = int(n)
		if count *= int(n); count > o.conn.options.fetchLimit {
			return nil, 0, tooMany()
		}
	}
	return shape, count, nil
}

// codeOfNumpy converts numpy's dtype.str to a format of Python's struct module; "" if there is none.
func codeOfNumpy(text string) string {
	if len(text) < 3 {
		return ""
	}
	size, err := strconv.Atoi(text[2:])
	if err != nil {
		return ""
	}
	order := text[:1]
	if order == "|" {
		order = "<"
	}
	switch text[1] {
	case 'b':
		return order + "?"
	case 'i':
		return order + map[int]string{1: "b", 2: "h", 4: "i", 8: "q"}[size]
	case 'u':
		return order + map[int]string{1: "B", 2: "H", 4: "I", 8: "Q"}[size]
	case 'f':
		return order + map[int]string{2: "e", 4: "f", 8: "d"}[size]
	}
	return ""
}

// decodeNumbers reads numbers from bytes by a format of Python's struct module; nil if they are not numbers. A format
// without a byte order means the order of this machine.
func decodeNumbers(content []byte, code string, count int) any {
	var order binary.ByteOrder = nativeOrder()
	switch {
	case strings.HasPrefix(code, "<"):
		order = binary.LittleEndian
	case strings.HasPrefix(code, ">"), strings.HasPrefix(code, "!"):
		order = binary.BigEndian
	}
	code = strings.TrimLeft(code, "<>!=@")
	size := 0
	if count > 0 {
		size = len(content) / count
	} else if sizes := map[string]int{"b": 1, "B": 1, "?": 1, "h": 2, "H": 2, "e": 2, "i": 4, "I": 4, "f": 4}; sizes[code] > 0 {
		size = sizes[code]
	} else {
		size = 8
	}
	if size*count != len(content) {
		return nil
	}
	switch code {
	case "n", "l":
		code = map[int]string{4: "i", 8: "q"}[size]
	case "N", "L":
		code = map[int]string{4: "I", 8: "Q"}[size]
	}
	var data any
	switch {
	case code == "?" && size == 1:
		truths := make([]bool, count)
		for i, b := range content {
			truths[i] = b != 0
		}
		return truths
	case code == "B" && size == 1:
		return octets(content)
	case code == "e" && size == 2:
		return halves(content, order)
	case code == "b" && size == 1:
		data = make([]int8, count)
	case code == "h" && size == 2:
		data = make([]int16, count)
	case code == "H" && size == 2:
		data = make([]uint16, count)
	case code == "i" && size == 4:
		data = make([]int32, count)
	case code == "I" && size == 4:
		data = make([]uint32, count)
	case code == "q" && size == 8:
		data = make([]int64, count)
	case code == "Q" && size == 8:
		data = make([]uint64, count)
	case code == "f" && size == 4:
		data = make([]float32, count)
	case code == "d" && size == 8:
		data = make([]float64, count)
	default:
		return nil
	}
	if err := binary.Read(bytes.NewReader(content), order, data); err != nil {
		return nil
	}
	return data
}

// nativeOrder returns the byte order of this machine.
func nativeOrder() binary.ByteOrder {
	one := uint16(1)
	if *(*byte)(unsafe.Pointer(&one)) == 1 {
		return binary.LittleEndian
	}
	return binary.BigEndian
}

// halves reads 16-bit floats.
func halves(content []byte, order binary.ByteOrder) []float32 {
	floats := make([]float32, len(content)/2)
	for i := range floats {
		bits := order.Uint16(content[2*i:])
		exponent, fraction := int(bits>>10&0x1f), float64(bits&0x3ff)
		value := math.Ldexp(1024+fraction, exponent-25)
		switch {
		case exponent == 0:
			value = math.Ldexp(fraction, -24)
		case exponent == 31 && fraction != 0:
			value = math.NaN()
		case exponent == 31:
			value = math.Inf(1)
		}
		if bits&0x8000 != 0 {
			value = -value
		}
		floats[i] = float32(value)
	}
	return floats
}

// nest returns nested lists of the numbers; a single number for an array without dimensions.
func nest(data any, shape []int) any {
	v := reflect.ValueOf(data)
	switch len(shape) {
	case 0:
		if v.Len() == 0 {
			return nil
		}
		return plainNumber(v.Index(0))
	case 1:
		return data
	}
	each := 1
	for _, length := range shape[1:] {
		each *= length
	}
	rows := make([]any, shape[0])
	for i := range rows {
		rows[i] = nest(v.Slice(i*each, (i+1)*each).Interface(), shape[1:])
	}
	return rows
}

// array copies an array for convert and Obtain: a slice of numbers, or nested lists of them for several dimensions.
func (o *Object) array(ctx context.Context) (any, error) {
	data, shape, err := o.numbers(ctx)
	if err != nil {
		return nil, err
	}
	if items, ok := data.([]any); ok && len(shape) == 1 {
		return items, nil
	}
	return nest(data, shape), nil
}
