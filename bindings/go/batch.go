package rpyc

import (
	"context"
	"runtime"
)

// batchWindow is how many calls of a batch are on their way at most, where Batch does not say.
const batchWindow = 256

// Result is what has become of one call of a batch.
type Result[T any] struct {
	Value T
	Err   error
}

// Batch calls a method once for each list of arguments, and waits for all of them. The requests are sent in the order of the
// lists, without waiting for one another, and at most 256 have no answer yet. What has become of each call is told in its place,
// errors too: an exception of the peer and an argument that cannot be sent do not hold up the others. The context is that of
// the whole batch: when it ends, the calls without an answer fail with it, and no further one is sent.
//
// The error is nil if each call was answered or was not sent because of its own arguments; else it is the end of the context or of
// the connection.
func Batch[T any](ctx context.Context, obj *Object, name string, calls [][]any) ([]Result[T], error) {
	return BatchWindow[T](ctx, obj, name, calls, 0, nil)
}

// BatchWindow is Batch with a window of its own, 0 being the usual one. If tell is not nil, it is called for each call in the
// order of the lists, as soon as it and all before it are over, in this goroutine.
func BatchWindow[T any](ctx context.Context, obj *Object, name string, calls [][]any, window int, tell func(index int, result Result[T])) ([]Result[T], error) {
	results := make([]Result[T], len(calls))
	target, err := obj.target(ctx)
	if err == nil {
		err = runBatch(ctx, target, name, calls, window, results, tell)
		runtime.KeepAlive(obj) // and its connection
		return results, err
	}
	for i := range results {
		results[i].Err = err
		if tell != nil {
			tell(i, results[i])
		}
	}
	return results, err
}

func runBatch[T any](ctx context.Context, target *Object, name string, calls [][]any, window int, results []Result[T], tell func(int, Result[T])) error {
	if window <= 0 {
		window = batchWindow
	}
	if window > len(calls) {
		window = len(calls)
	}
	c := target.conn
	ctx, cancel := c.limited(ctx)
	defer cancel()
	sent := make([]asked, window)
	convert := result[T](ctx)
	next := 0
	for done := range calls {
		for next < len(calls) && next-done < len(sent) {
			q := question{handler: handleCallAttr, object: target, name: name, args: calls[next]}
			a, err := c.begin(ctx, q)
			results[next].Err = err
			sent[next%len(sent)] = a
			next++
		}
		one := &results[done]
		if one.Err == nil {
			one.Value, one.Err = convert(c.wait(ctx, sent[done%len(sent)]))
		}
		if tell != nil {
			tell(done, *one)
		}
	}
	if err := ctx.Err(); err != nil && len(calls) > 0 {
		return c.interrupted(err, question{handler: handleCallAttr, name: name})
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.usable()
}
