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

// Object is an object of the peer. Its methods ask the peer, except where they say otherwise; the context sets the
// deadline and can cancel the waiting, not the work of the peer.
//
// The peer keeps the object until it is released: call Close when many are used, or leave it to the garbage collector.
type Object struct {
	conn   *conn
	isRoot bool  // the peer's root, whichever object that is
	keeps  *Conn // of the root: what the user must not lose

	mu     sync.Mutex
	handle uint64 // 0: released
	users  int    // that use the handle just now
	closed bool
	counts bool // it keeps the connection open
}

// adopt makes an Object of a handle, which may keep the connection open, or finds what it is if it is none of the peer; the
// lock is held.
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

// hold gives the handle, which stays until letGo.
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

// release gives the object back to the peer. Its handle is in nobody's use.
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

// Close releases the object: the peer may forget it. It never waits, and can be called more than once.
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

// errNoObject is what nil gives, which None becomes where an Object is asked for.
var errNoObject = problemf(ErrType, "the object is nil")

// target is the object that is asked: the root that it stands for, or itself.
func (o *Object) target(ctx context.Context) (*Object, error) {
	if o == nil {
		return nil, errNoObject
	}
	if o.isRoot {
		return o.conn.root(ctx)
	}
	return o, nil
}

// Call calls the object, which is a function or the like. The last argument may be Keywords.
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

// Set writes an attribute, if the peer allows it.
func (o *Object) Set(ctx context.Context, name string, value any) error {
	_, err := o.ask(ctx, handleSetAttr, name, value)
	return err
}

// Delete deletes an attribute, if the peer allows it.
func (o *Object) Delete(ctx context.Context, name string) error {
	_, err := o.ask(ctx, handleDelAttr, name)
	return err
}

// Item is obj[key].
func (o *Object) Item(ctx context.Context, key any) (any, error) {
	return o.CallMethod(ctx, "__getitem__", key)
}

// SetItem is obj[key] = value.
func (o *Object) SetItem(ctx context.Context, key, value any) error {
	_, err := o.CallMethod(ctx, "__setitem__", key, value)
	return err
}

// DeleteItem is del obj[key].
func (o *Object) DeleteItem(ctx context.Context, key any) error {
	_, err := o.CallMethod(ctx, "__delitem__", key)
	return err
}

// Len is len(obj).
func (o *Object) Len(ctx context.Context) (int, error) {
	return Call[int](ctx, o, "__len__")
}

// lacks returns whether err, of a call of a method, says that there is no such method. One that fails with AttributeError
// itself is there.
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

// Contains is: value in obj. An object without __contains__ is asked for one item after the other until one is equal, as in
// Python: an iterator goes on behind that item.
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

// Str is str(obj).
func (o *Object) Str(ctx context.Context) (string, error) {
	value, err := o.ask(ctx, handleStr, "")
	return text(ctx, value, err)
}

// Repr is repr(obj).
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

// Hash is hash(obj).
func (o *Object) Hash(ctx context.Context) (int64, error) {
	value, err := o.ask(ctx, handleHash, "")
	if err != nil {
		return 0, err
	}
	return as[int64](ctx, value)
}

// Dir is dir(obj), the names that it has.
func (o *Object) Dir(ctx context.Context) ([]string, error) {
	value, err := o.ask(ctx, handleDir, "")
	if err != nil {
		return nil, err
	}
	return as[[]string](ctx, value)
}

// Compare compares the object with a value; op is one of "<", "<=", "==", "!=", ">=", ">". The result is mostly a
// bool, and NotImplemented where Python would ask the other side.
func (o *Object) Compare(ctx context.Context, op string, other any) (any, error) {
	name := map[string]string{"<": "__lt__", "<=": "__le__", "==": "__eq__", "!=": "__ne__", ">=": "__ge__", ">": "__gt__"}[op]
	if name == "" {
		return nil, problemf(ErrType, "%q compares nothing", op)
	}
	return o.ask(ctx, handleCmp, name, other)
}

// Equal is obj == other.
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

// truthOf is bool(value) of what a method answered.
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

// Truth is bool(obj): what __bool__ says, else whether its length is not 0, else true.
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

// Inspect gives the methods of the object that its owner tells of, each with what is written about it.
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

// IsInstance is isinstance(obj, class) for a class of a peer, which may be another one than the object's.
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

// With is Python's with statement: it enters the object, runs body with what entering gave, and leaves the object,
// also after an error or a panic, and when the context has ended meanwhile. The object may swallow an error of body; then
// With gives nil.
func (o *Object) With(ctx context.Context, body func(entered any) error) (err error) {
	entered, err := o.CallMethod(ctx, "__enter__")
	if err != nil {
		return err
	}
	left := false
	leave := func(err error) error {
		left = true
		if ctx.Err() != nil {
			// It is left all the same, which must not take long.
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
			return err // why it could not be left is less than what went wrong before
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

// exitValue is what CTXEXIT carries: whether there was an error. Which one it was does not travel.
func exitValue(err error) any {
	if err == nil {
		return nil
	}
	return true
}

// kept gives what an Object holds that is none of the peer: a slice or map that was sent and came home.
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

// Same reports whether two Objects are one and the same object of the peer. Nothing is asked.
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

// resolved is the object itself, or the root that it stands for, if that is known.
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

// TypeName is the name of its class with the module, such as "builtins.list". Nothing is asked.
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

// IsClass tells whether it is a class. Nothing is asked.
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

// String names the object for messages. Nothing is asked; Str asks.
func (o *Object) String() string { return "<remote " + oneLine(o.TypeName()) + ">" }

// Conn is the connection that the object came over. It keeps the connection open if the object does.
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

// Call calls a method and converts its result to T, for which a list, tuple, dict or set of the peer is fetched if T
// holds its items. A T of any takes what comes. The last argument may be Keywords.
func Call[T any](ctx context.Context, obj *Object, name string, args ...any) (T, error) {
	return result[T](ctx)(obj.CallMethod(ctx, name, args...))
}

// Invoke calls the object itself, a function for instance, and converts the result to T.
func Invoke[T any](ctx context.Context, obj *Object, args ...any) (T, error) {
	return result[T](ctx)(obj.Call(ctx, args...))
}

// Get reads an attribute and converts it to T.
func Get[T any](ctx context.Context, obj *Object, name string) (T, error) {
	return result[T](ctx)(obj.Get(ctx, name))
}

// Set writes an attribute, if the peer allows it.
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
