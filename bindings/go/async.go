package rpyc

import (
	"context"
	"runtime"
)

// Future is the result of a call that was sent and not waited for, see Async.
type Future[T any] struct {
	ctx   context.Context
	done  chan struct{}
	value T
	err   error
}

// Async calls a method without waiting for its result, as Python's async_ does. The request is on its way when Async
// returns, so what is started first arrives first, which goroutines do not promise. The context is that of the whole
// call: its end ends the waiting.
func Async[T any](ctx context.Context, obj *Object, name string, args ...any) *Future[T] {
	return start[T](ctx, obj, question{handler: handleCallAttr, name: name, args: args})
}

// AsyncInvoke calls the object itself, a function for instance, without waiting for its result; see Async.
func AsyncInvoke[T any](ctx context.Context, obj *Object, args ...any) *Future[T] {
	return start[T](ctx, obj, question{handler: handleCall, args: args})
}

func start[T any](ctx context.Context, obj *Object, q question) *Future[T] {
	f := &Future[T]{ctx: ctx, done: make(chan struct{})}
	target, err := obj.target(ctx)
	if err != nil {
		f.err = err
		close(f.done)
		return f
	}
	q.object = target
	// A serial call that starts one keeps its turn. It gives it up when it waits.
	c := target.conn
	ctx, cancel := c.limited(context.WithValue(ctx, turnKey{}, nil))
	a, err := c.begin(ctx, q)
	if err != nil {
		cancel()
		f.err = err
		close(f.done)
		return f
	}
	go func() {
		defer close(f.done)
		defer cancel()
		f.value, f.err = result[T](ctx)(c.wait(ctx, a))
		runtime.KeepAlive(obj) // and its connection
	}()
	return f
}

// Done is closed when the result is there.
func (f *Future[T]) Done() <-chan struct{} { return f.done }

// Result waits for the result.
func (f *Future[T]) Result() (T, error) {
	defer giveUpTurn(f.ctx)()
	<-f.done
	return f.value, f.err
}
