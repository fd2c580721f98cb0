package main

import (
	"context"
	"errors"
	"sync"
	"time"

	"rpyc"
)

// Handlers of the protocol.
const (
	callAttr = 8
	del      = 15
	inspect  = 16
)

// request sends a request as it is, which must go well.
func (c *checker) request(handler int, args ...any) any {
	value, err := c.conn.Request(c.ctx, handler, args...)
	if err != nil {
		fail("handler %d: %v", handler, err)
	}
	return value
}

func ready[T any](future *rpyc.Future[T]) bool {
	select {
	case <-future.Done():
		return true
	default:
		return false
	}
}

// lastChecks are those about time and the ends of connections; close must be the last.
var lastChecks = []check{
	{"async-call", func(c *checker) {
		slow := rpyc.Async[string](c.ctx, c.root, "slow", 0.1, "done")
		isTrue(!ready(slow))
		equal(some(slow.Result()), "done")
		isTrue(ready(slow))
	}},
	{"async-several", func(c *checker) {
		var all []*rpyc.Future[int]
		for i := 0; i < 50; i++ {
			all = append(all, rpyc.Async[int](c.ctx, c.root, "echo", i))
		}
		for i, one := range all {
			equal(some(one.Result()), i)
		}
	}},
	{"async-callback", func(c *checker) {
		seen := make(chan string, 2)
		go func() {
			if value, err := rpyc.Call[string](c.ctx, c.root, "slow", 0.05, "cb"); err == nil {
				seen <- value
			}
		}()
		equal(<-seen, "cb")
	}},
	{"async-failure", func(c *checker) {
		raises("ValueError", second(rpyc.Async[any](c.ctx, c.root, "slow_fail", 0.05).Result()))
	}},
	{"async-timeout", func(c *checker) {
		short, cancel := context.WithTimeout(c.ctx, 200*time.Millisecond)
		defer cancel()
		_, err := rpyc.Async[string](short, c.root, "slow", 2, "late").Result()
		isTrue(errors.Is(err, rpyc.ErrTimeout) && errors.Is(err, context.DeadlineExceeded))
		equal(c.call("add", 1, 1), int64(2))
	}},
	{"async-object-result", func(c *checker) {
		equal(c.get(some(rpyc.Async[*rpyc.Object](c.ctx, c.root, "make", "async").Result()), "label"), "async")
	}},
	{"threads-share-connection", func(c *checker) {
		echo := c.get(c.root, "echo").(*rpyc.Object)
		var all sync.WaitGroup
		errs := make(chan error, 400)
		for tag := 0; tag < 4; tag++ {
			all.Add(1)
			go func(tag int) {
				defer all.Done()
				for i := 0; i < 20; i++ {
					got, err := rpyc.Invoke[[2]int](c.ctx, echo, rpyc.Tuple{tag, i})
					if err == nil && got != [2]int{tag, i} {
						err = errors.New("the answer of another")
					}
					errs <- err
				}
			}(tag)
		}
		all.Wait()
		close(errs)
		for err := range errs {
			ok(err)
		}
	}},
	{"background-serving-thread", func(c *checker) {
		got := make(chan any, 1)
		c.call("later", 0.1, func(value any) { got <- value }, nil)
		select {
		case <-got:
		case <-c.ctx.Done():
			fail("no call came")
		}
	}},
	{"raw-callattr-on-root", func(c *checker) {
		equal(c.request(callAttr, c.root, "add", rpyc.Tuple{4, 5}, rpyc.Tuple{}), int64(9))
		equal(c.request(callAttr, c.root, "concat", rpyc.Tuple{"z"}, rpyc.Tuple{rpyc.Tuple{"k", 1}}),
			rpyc.Tuple{"z", rpyc.Tuple{}, rpyc.Tuple{rpyc.Tuple{"k", int64(1)}}})
	}},
	{"raw-unknown-handler", func(c *checker) {
		raises("KeyError", second(c.conn.Request(c.ctx, 99)))
		equal(c.call("add", 1, 2), int64(3))
	}},
	// peer_client.py forges a reference. From here two requests name what the server does not have: an object that it was
	// told to forget, and an id_pack by value.
	{"raw-unknown-object", func(c *checker) {
		item := c.object("make", "forgotten")
		equal(c.get(item, "label"), "forgotten")
		equal(c.request(del, item, 1), nil)
		raises("KeyError", second(item.Get(c.ctx, "label")))
		raises("KeyError", second(c.conn.Request(c.ctx, inspect, rpyc.Tuple{"no.Such", 1234567, 7654321})))
		ok(item.Close())
		equal(c.call("add", 1, 2), int64(3))
	}},
	{"cancelled-call", func(c *checker) {
		short, cancel := context.WithCancel(c.ctx)
		time.AfterFunc(50*time.Millisecond, cancel)
		_, err := rpyc.Call[*rpyc.Object](short, c.root, "slow", 1, &thing{"dropped"})
		isTrue(errors.Is(err, context.Canceled))
		equal(c.call("add", 1, 2), int64(3))
	}},
	{"second-connection", func(c *checker) {
		other := c.dial()
		defer other.Close()
		equal(some(rpyc.Call[int](c.ctx, other.Root(), "add", 5, 5)), 10)
		theirs := some(rpyc.Call[*rpyc.Object](c.ctx, other.Root(), "shared"))
		isTrue(!theirs.Same(c.object("shared")))
		equal(c.get(theirs, "label"), "shared")
		ok(other.Close())
		isTrue(errors.Is(second(theirs.Get(c.ctx, "label")), rpyc.ErrClosed))
		equal(c.call("add", 5, 6), int64(11))
	}},
	{"close", func(c *checker) {
		isTrue(c.conn.Err() == nil)
		ok(c.conn.Close())
		isTrue(c.conn.Err() != nil)
		isTrue(errors.Is(c.conn.Ping(c.ctx), rpyc.ErrClosed))
	}},
}

func second[T any](_ T, err error) error { return err }
