package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand"
	"net"
	"os"
	"reflect"
	"strings"

	"rpyc"
)

var ctx = context.Background()

type client struct {
	root *rpyc.Object
	draw *rand.Rand
	held [slots]int // the number that each kept function adds; 0 for none
}

// call makes count operations; 0 means until it is killed. A peer that has gone is not an error.
func call(address, seed, count, native string) bool {
	err := operate(address, number(seed), number(count), native)
	switch {
	case err == nil:
	case isGone(err):
		gone.Add(1)
	default:
		fmt.Fprintf(os.Stderr, "%s, seed %s: %v\n", address, seed, err)
		wrong.Add(1)
		return false
	}
	return true
}

func isGone(err error) bool {
	var failed *net.OpError
	// A server that is killed while its dialect is found out.
	half := errors.Is(err, rpyc.ErrDialect) && strings.Contains(err.Error(), "could not be reached again")
	return half || errors.Is(err, rpyc.ErrClosed) || errors.As(err, &failed)
}

func operate(address string, seed, count int, native string) error {
	// A slow reply on a busy machine is not an error.
	conn, err := rpyc.Dial(ctx, address, rpyc.WithConfig("native", native), rpyc.WithTimeout(0))
	if err != nil {
		return err
	}
	defer conn.Close()
	c := client{root: conn.Root(), draw: rand.New(rand.NewSource(int64(seed)))}
	for at := 0; count == 0 || at < count; at++ {
		operations.Add(1)
		if err := c.one(); err != nil {
			return err
		}
	}
	return nil
}

var errWrong = errors.New("a wrong answer")

func right(is bool, err error) error {
	if err == nil && !is {
		return errWrong
	}
	return err
}

// gives requests a number and checks it.
func (c *client) gives(want int, method string, args ...any) error {
	got, err := rpyc.Call[int](ctx, c.root, method, args...)
	return right(got == want, err)
}

func (c *client) raises(method string, args ...any) error {
	_, err := c.root.CallMethod(ctx, method, args...)
	if errors.Is(err, rpyc.Type("ValueError")) {
		return nil
	}
	return right(false, err)
}

func adder(more int) *rpyc.Function {
	alive := newCounted()
	return rpyc.Func("add(x)", func(x int) (int, error) {
		if x < 0 {
			return 0, rpyc.Raise("ValueError", "negative")
		}
		_ = alive
		return x + more, nil
	})
}

func (c *client) one() error {
	x, slot := c.draw.Intn(1000000), c.draw.Intn(slots)
	switch c.draw.Intn(8) {
	case 0:
		return c.echoes(x)
	case 1:
		return c.gives(x+slot, "apply", adder(slot), x)
	case 2:
		return c.raises("apply", adder(0), -1)
	case 3:
		_, err := c.root.CallMethod(ctx, "keep", slot, adder(x+1))
		c.held[slot] = x + 1
		return err
	case 4:
		if c.held[slot] == 0 {
			return nil
		}
		return c.gives(x+c.held[slot], "kept", slot, x)
	case 5:
		return c.raises("fail", "a failure that was asked for")
	case 6:
		return c.lists(x % 300)
	}
	if x%2 == 0 {
		return c.bursts(x)
	}
	numbers := rpyc.NewLiveList()
	for at := 0; at < x%100; at++ {
		numbers.Append(at)
	}
	return c.gives((x%100)*(x%100-1)/2, "total", numbers)
}

func (c *client) echoes(x int) error {
	sent := rpyc.Tuple{[]byte(strings.Repeat("x", []int{0, 1, 30, 300, 4000, 40000}[c.draw.Intn(6)])), int64(x), 0.5, "y", nil}
	got, err := c.root.CallMethod(ctx, "echo", sent)
	return right(reflect.DeepEqual(got, sent), err)
}

func (c *client) lists(count int) error {
	list, err := rpyc.Call[*rpyc.Object](ctx, c.root, "numbers", count)
	if err != nil {
		return err
	}
	length, err := list.Len(ctx)
	if err != nil {
		return err
	}
	sum := 0
	items := rpyc.Iterate[int](ctx, list)
	for items.Next() {
		sum += items.Value()
	}
	return right(length == count && sum == count*(count-1)/2, items.Err())
}

// bursts has several calls outstanding at once.
func (c *client) bursts(more int) error {
	var results []*rpyc.Future[int]
	for at := 0; at < 8; at++ {
		if at%2 == 0 {
			results = append(results, rpyc.Async[int](ctx, c.root, "echo", at))
		} else {
			results = append(results, rpyc.Async[int](ctx, c.root, "apply", adder(more), at))
		}
	}
	for at, result := range results {
		got, err := result.Result()
		if at%2 == 1 {
			got -= more
		}
		if err := right(got == at, err); err != nil {
			return err
		}
	}
	return nil
}
