package rpyc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"runtime"
	"runtime/debug"
	"strings"
	"sync/atomic"
)

// function is a Go function that peers can call.
type function struct {
	fn       reflect.Value
	sig      *signature
	receiver bool
	context  bool
	inputs   []input
	results  int  // without the error
	fails    bool // the last result is an error
}

// input is a parameter of the Go function: its type, and the slot of the signature that it takes.
type input struct {
	t    reflect.Type
	slot int
	kind int
}

// newFunction matches a Go function with a signature. The first `skip` parameters are not passed by the peer.
func newFunction(fn reflect.Value, sig *signature, skip int) (*function, error) {
	bad := func(format string, args ...any) (*function, error) {
		return nil, fmt.Errorf("rpyc: %s: %s", sig.name, fmt.Sprintf(format, args...))
	}
	if fn.Kind() != reflect.Func || fn.IsNil() {
		return bad("not a function")
	}
	t := fn.Type()
	f := &function{fn: fn, sig: sig, receiver: skip > 0}
	slots := map[int][]int{}
	for i, p := range sig.params {
		slots[p.kind] = append(slots[p.kind], i)
	}
	take := func(t reflect.Type, kind int) bool {
		if len(slots[kind]) == 0 {
			return false
		}
		f.inputs = append(f.inputs, input{t, slots[kind][0], kind})
		slots[kind] = slots[kind][1:]
		return true
	}
	for i := skip; i < t.NumIn(); i++ {
		in := t.In(i)
		kind := paramPlain
		switch {
		case in == contextType && i == skip:
			f.context = true
			continue
		case in == keywordsType:
			kind = paramNamed
		case t.IsVariadic() && i == t.NumIn()-1:
			kind, in = paramRest, in.Elem()
		}
		if !take(in, kind) {
			return bad("the signature has no parameter for parameter %d of the Go function, a %s", i-skip+1, t.In(i))
		}
	}
	for kind, left := range slots {
		if len(left) > 0 {
			stars := strings.Repeat("*", kind)
			return bad("the Go function has no parameter for %s%s", stars, sig.params[left[0]].name)
		}
	}
	f.results = t.NumOut()
	if f.results > 0 && t.Out(f.results-1) == errorType {
		f.fails = true
		f.results--
	}
	return f, nil
}

// call runs the function with a peer's arguments, one for each parameter of the signature.
func (f *function) call(ctx context.Context, receiver any, args []any) (any, error) {
	in := make([]reflect.Value, 0, len(f.inputs)+2)
	if f.receiver {
		in = append(in, reflect.ValueOf(receiver))
	}
	if f.context {
		in = append(in, reflect.ValueOf(ctx))
	}
	if len(args) != len(f.sig.params) {
		return nil, Raise("TypeError", fmt.Sprintf("%s() takes %d arguments but %d were given", f.sig.name, len(f.sig.params), len(args)))
	}
	args, err := f.plainArguments(ctx, args)
	if err != nil {
		return nil, err
	}
	for _, input := range f.inputs {
		var err error
		if in, err = f.argument(ctx, in, input, args[input.slot]); err != nil {
			return nil, err
		}
	}
	return f.answer(f.fn.Call(in))
}

// plainArguments converts the arguments that are objects and whose parameters are numbers, strings or bytes, all
// together.
func (f *function) plainArguments(ctx context.Context, args []any) ([]any, error) {
	for _, arg := range args {
		if _, ok := arg.(*Object); !ok {
			continue
		}
		kinds := make([]plainKind, len(args))
		for _, input := range f.inputs {
			if input.kind == paramPlain {
				kinds[input.slot] = plainKindOf(input.t)
			}
		}
		return plainAll(ctx, args, func(i int) plainKind { return kinds[i] })
	}
	return args, nil
}

// argument adds the argument of one parameter.
func (f *function) argument(ctx context.Context, in []reflect.Value, input input, value any) ([]reflect.Value, error) {
	switch input.kind {
	case paramRest:
		rest, _, err := itemsOf(ctx, value)
		if err == nil {
			rest, err = plainItems(ctx, rest, input.t)
		}
		if err != nil {
			return nil, err
		}
		for i, item := range rest {
			v, err := convert(ctx, item, input.t)
			if err != nil {
				return nil, f.blame(inside(err, fmt.Sprintf("item %d", i)), input.slot)
			}
			in = append(in, v)
		}
		return in, err
	case paramNamed:
		dict, _ := value.(Dict)
		named := make(Keywords, len(dict))
		for _, item := range dict {
			if name, ok := item.Key.(string); ok {
				named[name] = item.Value
			}
		}
		return append(in, reflect.ValueOf(named)), nil
	}
	v, err := convert(ctx, value, input.t)
	if err != nil {
		return nil, f.blame(err, input.slot)
	}
	return append(in, v), nil
}

// blame names the argument that does not fit.
func (f *function) blame(err error, slot int) error {
	m, ok := err.(*mismatch)
	if !ok {
		return err
	}
	kind := "TypeError"
	if m.kind == ErrRange {
		kind = "OverflowError"
	}
	return Raise(kind, fmt.Sprintf("%s() argument '%s' %s", f.sig.name, f.sig.params[slot].name, m.Error()))
}

func (f *function) answer(out []reflect.Value) (any, error) {
	if f.fails {
		if err, _ := out[f.results].Interface().(error); err != nil {
			return nil, err
		}
	}
	switch f.results {
	case 0:
		return nil, nil
	case 1:
		return out[0].Interface(), nil
	}
	tuple := make(Tuple, f.results)
	for i := range tuple {
		tuple[i] = out[i].Interface()
	}
	return tuple, nil
}

// guarded runs code that calls methods of the user's errors and keys in a goroutine of this package. A panic there
// would otherwise end the process.
func guarded(run func() error) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = panicked(cause)
		}
	}()
	return run()
}

// panicked converts the value of a panic to an error.
func panicked(cause any) error {
	if err, ok := cause.(error); ok {
		if _, ok := cause.(runtime.Error); !ok {
			return err
		}
	}
	return &Exception{Type: "RuntimeError", Args: []any{fmt.Sprintf("panic: %v", cause)}, traceback: string(debug.Stack())}
}

// Function is a Go function with a signature, to be sent to a peer. A Go function can also be sent without one. Its
// arguments are then positional, and the peer gets a different object each time.
type Function struct {
	name, signature string
	function        *function
	receiver        any // of a method
}

// localNesting limits the depth of functions of this process that call one another without a peer between them.
const localNesting = 1000

// running counts the calls of all goroutines. While it is small, no call can be nested deeply.
var running atomic.Int64

// isDeep reports whether the stack of this goroutine is deep enough for more than localNesting calls of functions. Each
// call has several frames.
func isDeep() bool {
	var frame [1]uintptr
	return runtime.Callers(5*localNesting, frame[:]) > 0
}

func tooDeep(levels int) error {
	return Raise("RecursionError", fmt.Sprintf("maximum recursion depth exceeded: %d nested calls", levels))
}

// Func makes a Function with a signature in Python's notation, such as "scale(value, factor=2)", which peers see. It
// panics if the signature and the Go function do not match.
func Func(signature string, fn any) *Function {
	sig, err := parseSignature(signature)
	if err != nil {
		panic(err)
	}
	function, err := newFunction(reflect.ValueOf(fn), sig, 0)
	if err != nil {
		panic(err)
	}
	return &Function{sig.name, signature, function, nil}
}

// Call calls the function in this process. The last argument may be Keywords. Since a peer can make a function call
// itself, calls nested deeper than about 1000 levels fail with RecursionError.
func (f *Function) Call(ctx context.Context, args ...any) (any, error) {
	defer running.Add(-1)
	if running.Add(1) > localNesting && isDeep() {
		return nil, tooDeep(localNesting)
	}
	var keywords Dict
	if n := len(args); n > 0 {
		if last, ok := args[n-1].(Keywords); ok {
			args = args[:n-1]
			for _, name := range sortedNames(last) {
				keywords = append(keywords, Item{name, last[name]})
			}
		}
	}
	arrived := make(Tuple, len(args))
	for i, arg := range args {
		arrived[i] = asArrived(arg)
	}
	bound, err := f.function.sig.bind(arrived, keywords)
	if err != nil {
		return nil, err
	}
	result, err := f.function.call(ctx, f.receiver, bound)
	return asArrived(result), err
}

// asArrived converts plain values to the form in which they arrive over the wire.
func asArrived(value any) any {
	if v := reflect.ValueOf(value); v.Kind() == reflect.Bool {
		return v.Bool()
	}
	return canonical(value)
}

// plainFunc makes the Function of a Go function that is sent without a signature.
func plainFunc(fn reflect.Value) (*Function, error) {
	sig := plainSignature("function", fn.Type(), 0)
	function, err := newFunction(fn, sig, 0)
	if err != nil {
		return nil, err
	}
	return &Function{sig.name, sig.text, function, nil}, nil
}

// convertFunc makes a Go function of a callable of the peer.
func convertFunc(ctx context.Context, value any, t reflect.Type) (reflect.Value, error) {
	if value == nil {
		return reflect.Zero(t), nil
	}
	var call func(context.Context, ...any) (any, error)
	switch v := value.(type) {
	case *Object:
		call = v.Call
		// The function can be used after the call in which it arrived, but not after the connection.
		ctx = context.WithValue(v.conn.ctx, turnKey{}, ctx.Value(turnKey{}))
	case *Function: // a local one that came back
		call, ctx = v.Call, detached(ctx)
	default:
		own := reflect.ValueOf(value)
		if own.Kind() != reflect.Func {
			return reflect.Value{}, wrong("callable", value)
		}
		made, err := plainFunc(own)
		if err != nil {
			return reflect.Value{}, err
		}
		call, ctx = made.Call, detached(ctx)
	}
	fails := t.NumOut() > 0 && t.Out(t.NumOut()-1) == errorType
	outs := t.NumOut()
	if fails {
		outs--
	}
	if outs > 1 {
		return reflect.Value{}, fmt.Errorf("rpyc: a %s cannot be called over the wire: it has more than one result", t)
	}
	return reflect.MakeFunc(t, func(in []reflect.Value) []reflect.Value {
		results := make([]reflect.Value, t.NumOut())
		for i := range results {
			results[i] = reflect.Zero(t.Out(i))
		}
		result, err := callThrough(ctx, call, t, in)
		if err == nil && outs == 1 {
			var v reflect.Value
			if v, err = convert(ctx, result, t.Out(0)); err == nil {
				results[0] = v
			}
		}
		if err == nil {
			return results
		}
		if !fails {
			panic(err)
		}
		results[outs] = reflect.ValueOf(&err).Elem()
		return results
	}), nil
}

// detached returns the context of functions that are used after the call in which they arrived.
func detached(ctx context.Context) context.Context {
	if c := connOf(ctx); c != nil {
		return context.WithValue(c.ctx, turnKey{}, ctx.Value(turnKey{}))
	}
	return context.Background()
}

func callThrough(ctx context.Context, call func(context.Context, ...any) (any, error), t reflect.Type, in []reflect.Value) (any, error) {
	if t.NumIn() > 0 && t.In(0) == contextType {
		if own, ok := in[0].Interface().(context.Context); ok {
			ctx = own
		}
		in = in[1:]
	}
	args := make([]any, 0, len(in))
	for i, v := range in {
		if t.IsVariadic() && i == len(in)-1 {
			for j := 0; j < v.Len(); j++ {
				args = append(args, v.Index(j).Interface())
			}
			break
		}
		args = append(args, v.Interface())
	}
	return call(ctx, args...)
}

func max(a, b int) int {
	if a > b {
		return a
	}
	return b
}

// Iterator is a Python iterator made of a Go function, to be sent to a peer.
type Iterator struct {
	next func() (any, error)
}

// NewIterator makes an iterator for a peer's loop. next returns the items. The error io.EOF ends the loop; any other
// error is raised in it. Calls of next may overlap if the peer requests two items at once.
func NewIterator(next func() (any, error)) *Iterator { return &Iterator{next} }

// DescribeRPyC describes the class for peers.
func (*Iterator) DescribeRPyC(c *Class) {
	c.Name("builtins", "generator")
	c.Method("__iter__()", func(it *Iterator) *Iterator { return it })
	c.Method("__next__()", (*Iterator).step)
}

func (it *Iterator) step() (any, error) {
	item, err := it.next()
	if err == io.EOF {
		return nil, Raise("StopIteration")
	}
	return item, err
}

// rest returns all the items that are left.
func (it *Iterator) rest() ([]any, error) {
	items := []any{}
	for {
		item, err := it.step()
		if errors.Is(err, Type("StopIteration")) {
			return items, nil
		}
		if err != nil {
			return nil, err
		}
		items = append(items, item)
	}
}
