package rpyc

import (
	"context"
	"runtime"
)

// Future is the result of a call that was sent without waiting for the reply; see Async.
type Future[T any] struct {
	ctx   context.Context
	done  chan struct{}
	value T
	err   error
}

// Async calls a method without waiting for its result, like Python's async_. The request is queued for sending before
// Async returns, so calls arrive in the order in which they are started. Goroutines do not guarantee this. The context
// is that of the whole call: when it ends, the wait for the reply ends.
func Async[T any](ctx context.Context, obj *Object, name string, args ...any) *Future[T] {
	return start[T](ctx, obj, question{handler: handleCallAttr, name: name, args: args})
}

// AsyncInvoke calls the object itself, for example a function, without waiting for its result; see Async.
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
	// A serial call that starts an asynchronous call keeps its turn, and gives it up when it waits for the result.
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
		runtime.KeepAlive(obj) // the connection too
	}()
	return f
}

// Done returns a channel that is closed when the result is available.
func (f *Future[T]) Done() <-chan struct{} { return f.done }

// Result waits for the result.
func (f *Future[T]) Result() (T, error) {
	defer giveUpTurn(f.ctx)()
	<-f.done
	return f.value, f.err
}
