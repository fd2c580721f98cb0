package rpyc

import (
	"context"
	"errors"
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
	if err != nil {
		return failBatch(results, tell, err)
	}
	err = runBatch(ctx, target.conn, len(calls), window, results, tell, func(i int) (question, error) {
		return question{handler: handleCallAttr, object: target, name: name, args: calls[i]}, nil
	})
	runtime.KeepAlive(obj) // the connection too
	return results, err
}

// BatchCall is one call of BatchCalls: a method of an object, or the object itself if Name is empty.
type BatchCall struct {
	Object *Object
	Name   string
	Args   []any
}

// BatchCalls is BatchWindow for calls of several methods and objects, all of one connection. A call to an object of
// another connection is not sent, and its result has the error.
func BatchCalls[T any](ctx context.Context, calls []BatchCall, window int, tell func(index int, result Result[T])) ([]Result[T], error) {
	results := make([]Result[T], len(calls))
	if len(calls) == 0 {
		return results, nil
	}
	first, err := calls[0].Object.target(ctx)
	if err != nil {
		return failBatch(results, tell, err)
	}
	err = runBatch(ctx, first.conn, len(calls), window, results, tell, func(i int) (question, error) {
		target, err := calls[i].Object.target(ctx)
		if err == nil && target.conn != first.conn {
			err = errors.New("rpyc: the calls of a batch must be to objects of one connection")
		}
		q := question{handler: handleCallAttr, object: target, name: calls[i].Name, args: calls[i].Args}
		if q.name == "" {
			q.handler = handleCall
		}
		return q, err
	})
	runtime.KeepAlive(calls) // the connection too
	return results, err
}

// failBatch gives all calls the error that they were not begun for.
func failBatch[T any](results []Result[T], tell func(int, Result[T]), err error) ([]Result[T], error) {
	for i := range results {
		results[i].Err = err
		if tell != nil {
			tell(i, results[i])
		}
	}
	return results, err
}

func runBatch[T any](ctx context.Context, c *conn, count, window int, results []Result[T], tell func(int, Result[T]), call func(i int) (question, error)) error {
	if window <= 0 {
		window = batchWindow
	}
	if window > count {
		window = count
	}
	ctx, cancel := c.limited(ctx)
	defer cancel()
	sent := make([]asked, window)
	convert := result[T](ctx)
	next := 0
	for done := 0; done < count; done++ {
		for next < count && next-done < len(sent) {
			q, err := call(next)
			if err == nil {
				sent[next%len(sent)], err = c.begin(ctx, q)
			}
			results[next].Err = err
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
	if err := ctx.Err(); err != nil && count > 0 {
		return c.interrupted(err, question{name: "a call of the batch"})
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.usable()
}
