package rpyc

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"reflect"
	"runtime"
	"sync"
)

// Object is an object of the peer. Its methods send requests to the peer, unless documented otherwise. The context sets
// the deadline and can cancel the wait, but not the peer's work.
//
// The peer keeps the object until it is released. Call Close if many objects are used; otherwise the garbage collector
// releases it.
type Object struct {
	conn   *conn
	isRoot bool  // the peer's root, whichever object that is
	keeps  *Conn // of the root: keeps the connection open

	mu     sync.Mutex
	handle uint64 // 0 after release
	users  int    // number of current uses of the handle
	closed bool
	counts bool // it keeps the connection open
}

// adopt makes an Object of a handle, which may keep the connection open. If the handle is of a local value, it returns
// that value. The lock is held.
func (c *conn) adopt(handle uint64, counts bool) any {
	token, remote := c.core.standInToken(handle)
	var own any
	if !remote {
		own = c.ownClass(handle)
	} else if token != 0 {
		own = c.ownByToken(token)
	}
	if own != nil {
		freeObject(handle)
		return own
	}
	if counts {
		c.enter()
	}
	object := &Object{conn: c, handle: handle, counts: counts}
	runtime.SetFinalizer(object, (*Object).release)
	return object
}

// disown makes an Object one that does not keep its connection open.
func (o *Object) disown() {
	o.mu.Lock()
	counts := o.counts
	o.counts = false
	o.mu.Unlock()
	if counts {
		o.conn.leave()
	}
}

// hold returns the handle, which is valid until letGo.
func (o *Object) hold() (uint64, error) {
	if o == nil {
		return 0, errNoObject
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed || o.handle == 0 {
		return 0, ErrReleased
	}
	o.users++
	return o.handle, nil
}

func (o *Object) letGo() {
	o.mu.Lock()
	o.users--
	last := o.closed && o.users == 0
	o.mu.Unlock()
	if last {
		o.release()
	}
	runtime.KeepAlive(o)
}

// release releases the object at the peer. Its handle must not be in use.
func (o *Object) release() {
	o.mu.Lock()
	handle, counts := o.handle, o.counts
	o.handle, o.closed, o.counts = 0, true, false
	o.mu.Unlock()
	if handle != 0 {
		freeObject(handle)
		o.conn.signalSoon()
	}
	if counts {
		o.conn.leave()
	}
}

// Close releases the object, so that the peer can free it. It never waits. Further calls have no effect.
func (o *Object) Close() error {
	if o == nil || o.isRoot {
		return nil
	}
	o.mu.Lock()
	o.closed = true
	idle := o.users == 0
	o.mu.Unlock()
	if idle {
		runtime.SetFinalizer(o, nil)
		o.release()
	}
	return nil
}

// ask sends a request about the object.
func (o *Object) ask(ctx context.Context, handler int32, name string, args ...any) (any, error) {
	target, err := o.target(ctx)
	if err != nil {
		return nil, err
	}
	value, err := target.conn.ask(ctx, handler, target, name, args...)
	runtime.KeepAlive(o)
	return value, err
}

// errNoObject is the error for nil, which None becomes if an Object is requested.
var errNoObject = problemf(ErrType, "the object is nil")

// target returns the object to which requests are sent: the object itself, or the current root.
func (o *Object) target(ctx context.Context) (*Object, error) {
	if o == nil {
		return nil, errNoObject
	}
	if !o.isRoot {
		return o, nil
	}
	root, err := o.conn.root(ctx)
	if err != nil && ctx.Err() == nil {
		if over := o.conn.stale(); over != nil {
			return nil, over // the root is an object like others
		}
	}
	return root, err
}

// Call calls the object, for example a function. The last argument may be Keywords.
func (o *Object) Call(ctx context.Context, args ...any) (any, error) {
	return o.ask(ctx, handleCall, "", args...)
}

// CallMethod calls a method of the object, in one request. The last argument may be Keywords.
func (o *Object) CallMethod(ctx context.Context, name string, args ...any) (any, error) {
	return o.ask(ctx, handleCallAttr, name, args...)
}

// Get reads an attribute.
func (o *Object) Get(ctx context.Context, name string) (any, error) {
	return o.ask(ctx, handleGetAttr, name)
}

// Set sets an attribute, if the peer allows it.
func (o *Object) Set(ctx context.Context, name string, value any) error {
	_, err := o.ask(ctx, handleSetAttr, name, value)
	return err
}

// Delete deletes an attribute, if the peer allows it.
func (o *Object) Delete(ctx context.Context, name string) error {
	_, err := o.ask(ctx, handleDelAttr, name)
	return err
}

// Item returns obj[key].
func (o *Object) Item(ctx context.Context, key any) (any, error) {
	return o.CallMethod(ctx, "__getitem__", key)
}

// SetItem executes obj[key] = value.
func (o *Object) SetItem(ctx context.Context, key, value any) error {
	_, err := o.CallMethod(ctx, "__setitem__", key, value)
	return err
}

// DeleteItem executes del obj[key].
func (o *Object) DeleteItem(ctx context.Context, key any) error {
	_, err := o.CallMethod(ctx, "__delitem__", key)
	return err
}

// Len returns len(obj).
func (o *Object) Len(ctx context.Context) (int, error) {
	return Call[int](ctx, o, "__len__")
}

// lacks reports whether err, from a call of a method, means that there is no such method. A method that itself raises
// AttributeError exists.
func (o *Object) lacks(ctx context.Context, name string, err error) bool {
	if !errors.Is(err, Type("AttributeError")) {
		return false
	}
	if saysMissing(err, name) {
		return true
	}
	_, err = o.Get(ctx, name)
	return errors.Is(err, Type("AttributeError"))
}

// Contains evaluates value in obj. If the object has no __contains__, its items are requested one by one until one is
// equal, as in Python; an iterator then continues after that item.
func (o *Object) Contains(ctx context.Context, value any) (bool, error) {
	answer, err := o.CallMethod(ctx, "__contains__", value)
	if !o.lacks(ctx, "__contains__", err) {
		return truthOf(ctx, answer, err)
	}
	items := Iterate[any](ctx, o)
	defer items.Stop()
	for items.Next() {
		if same, err := equals(ctx, items.Value(), value); err != nil || same {
			return same, err
		}
	}
	return false, items.Err()
}

// Str returns str(obj).
func (o *Object) Str(ctx context.Context) (string, error) {
	value, err := o.ask(ctx, handleStr, "")
	return text(ctx, value, err)
}

// Repr returns repr(obj).
func (o *Object) Repr(ctx context.Context) (string, error) {
	value, err := o.ask(ctx, handleRepr, "")
	return text(ctx, value, err)
}

func text(ctx context.Context, value any, err error) (string, error) {
	if err != nil {
		return "", err
	}
	return as[string](ctx, value)
}

// Hash returns hash(obj).
func (o *Object) Hash(ctx context.Context) (int64, error) {
	value, err := o.ask(ctx, handleHash, "")
	if err != nil {
		return 0, err
	}
	return as[int64](ctx, value)
}

// Dir returns dir(obj), the names of the attributes.
func (o *Object) Dir(ctx context.Context) ([]string, error) {
	value, err := o.ask(ctx, handleDir, "")
	if err != nil {
		return nil, err
	}
	return as[[]string](ctx, value)
}

// Compare compares the object with a value. op is one of "<", "<=", "==", "!=", ">=", ">". The result is usually a
// bool. It is NotImplemented if Python would ask the other operand.
func (o *Object) Compare(ctx context.Context, op string, other any) (any, error) {
	name := map[string]string{"<": "__lt__", "<=": "__le__", "==": "__eq__", "!=": "__ne__", ">=": "__ge__", ">": "__gt__"}[op]
	if name == "" {
		return nil, problemf(ErrType, "%q compares nothing", op)
	}
	return o.ask(ctx, handleCmp, name, other)
}

// Equal evaluates obj == other.
func (o *Object) Equal(ctx context.Context, other any) (bool, error) {
	value, err := o.Compare(ctx, "==", other)
	if err != nil || value != NotImplemented {
		return truthOf(ctx, value, err)
	}
	remote, ok := other.(*Object)
	if !ok {
		return false, nil
	}
	if value, err = remote.Compare(ctx, "==", o); err != nil || value != NotImplemented {
		return truthOf(ctx, value, err)
	}
	return o.Same(remote), nil
}

func boolOf(ctx context.Context, value any, err error) (bool, error) {
	if _, ok := value.(*Object); ok && err == nil {
		return false, wrong("bool", value)
	}
	if err != nil {
		return false, err
	}
	return as[bool](ctx, value)
}

// truthOf evaluates bool(value) for the result of a method.
func truthOf(ctx context.Context, value any, err error) (bool, error) {
	switch value := value.(type) {
	case *Object:
		if err == nil {
			return value.Truth(ctx)
		}
	case *big.Int:
		return value.Sign() != 0, err
	}
	if err != nil || value == nil {
		return false, err
	}
	switch what := reflect.ValueOf(value); what.Kind() {
	case reflect.String, reflect.Slice, reflect.Map, reflect.Array:
		return what.Len() != 0, nil
	case reflect.Bool, reflect.Int64, reflect.Float64, reflect.Complex128:
		return !what.IsZero(), nil
	}
	return true, nil
}

// Truth evaluates bool(obj): __bool__, otherwise whether the length is not 0, otherwise true.
func (o *Object) Truth(ctx context.Context) (bool, error) {
	for _, name := range []string{"__bool__", "__len__"} {
		value, err := o.CallMethod(ctx, name)
		switch length, isInt := value.(int64); {
		case o.lacks(ctx, name, err):
			continue
		case err == nil && isInt && name == "__len__" && length < 0:
			return false, Raise("ValueError", "__len__() should return >= 0")
		case err == nil && isInt && name == "__len__":
			return length != 0, nil
		}
		return boolOf(ctx, value, err)
	}
	return true, nil
}

// Inspect returns the methods of the object that its owner lists, each with its documentation.
func (o *Object) Inspect(ctx context.Context) (map[string]string, error) {
	value, err := o.ask(ctx, handleInspect, "")
	if err != nil {
		return nil, err
	}
	pairs, err := as[[][2]any](ctx, value)
	if err != nil {
		return nil, err
	}
	methods := make(map[string]string, len(pairs))
	for _, pair := range pairs {
		name, _ := pair[0].(string)
		methods[name], _ = pair[1].(string)
	}
	return methods, nil
}

// IsInstance evaluates isinstance(obj, class). The class may be of another peer than the object.
func (o *Object) IsInstance(ctx context.Context, class *Object) (bool, error) {
	if !class.IsClass() {
		return false, problemf(ErrType, "isinstance() needs a class, not a %s", class.TypeName())
	}
	if o == nil {
		return false, errNoObject
	}
	if o.isRoot {
		if _, err := o.target(ctx); err != nil {
			return false, err
		}
	}
	value, err := class.ask(ctx, handleInstanceCheck, "", asItIs{o})
	return truthOf(ctx, value, err)
}

// With is Python's with statement. It enters the object, runs body with the result of entering, and leaves the object,
// also after an error or a panic, or if the context has ended meanwhile. The object may suppress an error of body; With
// then returns nil.
func (o *Object) With(ctx context.Context, body func(entered any) error) (err error) {
	entered, err := o.CallMethod(ctx, "__enter__")
	if err != nil {
		return err
	}
	left := false
	leave := func(err error) error {
		left = true
		if ctx.Err() != nil {
			// The object is left in any case, within a short time.
			var cancel context.CancelFunc
			own := context.WithValue(context.Background(), turnKey{}, ctx.Value(turnKey{}))
			ctx, cancel = context.WithTimeout(own, o.conn.options.closeTimeout)
			defer cancel()
		}
		swallowed, exitErr := o.ask(ctx, handleCtxExit, "", exitValue(err))
		switch {
		case exitErr != nil && (err == nil || errors.As(exitErr, new(*RemoteError))):
			return exitErr
		case exitErr != nil:
			return err // the first error matters more than the failure to leave
		case swallowed == true:
			return nil
		}
		return err
	}
	defer func() {
		if !left {
			_ = leave(fmt.Errorf("panic"))
		}
	}()
	return leave(body(entered))
}

// exitValue is the argument of CTXEXIT: whether there was an error. The error itself is not sent.
func exitValue(err error) any {
	if err == nil {
		return nil
	}
	return true
}

// kept returns the local value that an Object holds: a slice or map that was sent and came back.
func (o *Object) kept() (any, bool) {
	if o.isRoot {
		return nil, false
	}
	handle, err := o.hold()
	if err != nil {
		return nil, false
	}
	defer o.letGo()
	if objectIsRemote(handle) {
		return nil, false
	}
	o.conn.mu.Lock()
	defer o.conn.mu.Unlock()
	return o.conn.kept(handle)
}

// Same reports whether two Objects are the same object of the peer. It sends no request.
func (o *Object) Same(other *Object) bool {
	a, errA := o.resolved()
	b, errB := other.resolved()
	if errA != nil || errB != nil {
		return o == other
	}
	left, errA := a.hold()
	if errA != nil {
		return false
	}
	defer a.letGo()
	right, errB := b.hold()
	if errB != nil {
		return false
	}
	defer b.letGo()
	return sameObject(left, right)
}

// resolved returns the object itself, or the current root if that is known.
func (o *Object) resolved() (*Object, error) {
	if o == nil {
		return nil, errNoObject
	}
	if !o.isRoot {
		return o, nil
	}
	o.conn.mu.Lock()
	defer o.conn.mu.Unlock()
	if o.conn.peerRoot == nil {
		return nil, ErrReleased
	}
	return o.conn.peerRoot, nil
}

// TypeName returns the name of the object's class with its module, such as "builtins.list". It sends no request.
func (o *Object) TypeName() string {
	target, err := o.resolved()
	if err != nil {
		return "object"
	}
	handle, err := target.hold()
	if err != nil {
		return "object"
	}
	defer target.letGo()
	return objectTypeName(handle)
}

// IsClass reports whether the object is a class. It sends no request.
func (o *Object) IsClass() bool {
	target, err := o.resolved()
	if err != nil {
		return false
	}
	handle, err := target.hold()
	if err != nil {
		return false
	}
	defer target.letGo()
	return objectIsClass(handle)
}

// String returns a description of the object for messages. It sends no request, unlike Str.
func (o *Object) String() string { return "<remote " + oneLine(o.TypeName()) + ">" }

// Conn returns the connection of the object. The result keeps the connection open if the object does.
func (o *Object) Conn() *Conn {
	switch {
	case o == nil:
		return nil
	case o.isRoot:
		return o.keeps
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.counts {
		return o.conn.counted()
	}
	return o.conn.handle()
}

// Call calls a method and converts its result to T. If T holds items, the items of a list, tuple, dict or set of the
// peer are fetched. If T is any, the result is not converted. The last argument may be Keywords.
func Call[T any](ctx context.Context, obj *Object, name string, args ...any) (T, error) {
	return result[T](ctx)(obj.CallMethod(ctx, name, args...))
}

// Invoke calls the object itself, for example a function, and converts the result to T.
func Invoke[T any](ctx context.Context, obj *Object, args ...any) (T, error) {
	return result[T](ctx)(obj.Call(ctx, args...))
}

// Get reads an attribute and converts it to T.
func Get[T any](ctx context.Context, obj *Object, name string) (T, error) {
	return result[T](ctx)(obj.Get(ctx, name))
}

// Set sets an attribute, if the peer allows it.
func Set(ctx context.Context, obj *Object, name string, value any) error {
	return obj.Set(ctx, name, value)
}

// At reads obj[key] and converts it to T.
func At[T any](ctx context.Context, obj *Object, key any) (T, error) {
	return result[T](ctx)(obj.Item(ctx, key))
}

func result[T any](ctx context.Context) func(any, error) (T, error) {
	return func(value any, err error) (T, error) {
		if err != nil {
			var none T
			return none, err
		}
		return as[T](ctx, value)
	}
}
