package main

import (
	"context"
	"errors"
	"sync"
	"time"

	"rpyc"
)

// started runs a call in a goroutine, which is what an asynchronous request is in Go.
func started[T any](c *checker, name string, args ...any) <-chan result[T] {
	done := make(chan result[T], 1)
	go func() {
		value, err := rpyc.Call[T](c.ctx, c.root, name, args...)
		done <- result[T]{value, err}
	}()
	return done
}

type result[T any] struct {
	value T
	err   error
}

// lastChecks are those about time and the ends of connections; close must be the last.
var lastChecks = []check{
	{"async-call", func(c *checker) {
		done := started[string](c, "slow", 0.1, "done")
		select {
		case <-done:
			fail("it came at once")
		default:
		}
		equal(<-done, result[string]{"done", nil})
	}},
	{"async-several", func(c *checker) {
		var all []<-chan result[int]
		for i := 0; i < 50; i++ {
			all = append(all, started[int](c, "echo", i))
		}
		for i, one := range all {
			equal(<-one, result[int]{i, nil})
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
		raises("ValueError", (<-started[any](c, "slow_fail", 0.05)).err)
	}},
	{"async-timeout", func(c *checker) {
		short, cancel := context.WithTimeout(c.ctx, 200*time.Millisecond)
		defer cancel()
		_, err := rpyc.Call[string](short, c.root, "slow", 2, "late")
		isTrue(errors.Is(err, rpyc.ErrTimeout) && errors.Is(err, context.DeadlineExceeded))
		equal(c.call("add", 1, 1), int64(2))
	}},
	{"async-object-result", func(c *checker) {
		made := <-started[*rpyc.Object](c, "make", "async")
		ok(made.err)
		equal(c.get(made.value, "label"), "async")
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
		equal(c.call("add", 4, 5), int64(9))
		equal(c.call("concat", "z", rpyc.Keywords{"k": 1}), rpyc.Tuple{"z", rpyc.Tuple{}, rpyc.Tuple{rpyc.Tuple{"k", int64(1)}}})
	}},
	{"raw-unknown-object", func(c *checker) {
		item := c.object("make", "closed")
		ok(item.Close())
		isTrue(errors.Is(second(item.Get(c.ctx, "label")), rpyc.ErrReleased))
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
