package rpyc

import (
	"context"
	"runtime"
)

// batchWindow is the default for the number of calls of a batch that wait for their replies.
const batchWindow = 256

// Result is the outcome of one call of a batch.
type Result[T any] struct {
	Value T
	Err   error
}

// Batch calls a method once for each list of arguments and waits for all of them. The requests are sent in the order of
// the lists, without waiting for one another. At most 256 of them wait for a reply at a time. The outcome of each call
// is at the index of its list. An exception of the peer or an argument that cannot be sent does not stop the other
// calls. The context is that of the whole batch: when it ends, the calls without a reply fail with its error, and no
// further call is sent.
//
// The error is nil if each call has a reply or was not sent because of its own arguments. Otherwise the context or the
// connection has ended.
func Batch[T any](ctx context.Context, obj *Object, name string, calls [][]any) ([]Result[T], error) {
	return BatchWindow[T](ctx, obj, name, calls, 0, nil)
}

// BatchWindow is Batch with its own limit on the number of calls that wait for a reply; 0 is the default. If tell is
// not nil, it is called in this goroutine for each call in the order of the lists, as soon as the call and all calls
// before it have completed.
func BatchWindow[T any](ctx context.Context, obj *Object, name string, calls [][]any, window int, tell func(index int, result Result[T])) ([]Result[T], error) {
	results := make([]Result[T], len(calls))
	target, err := obj.target(ctx)
	if err == nil {
		err = runBatch(ctx, target, name, calls, window, results, tell)
		runtime.KeepAlive(obj) // the connection too
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
