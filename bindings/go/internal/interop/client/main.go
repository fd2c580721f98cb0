// Command client runs the checks of tests/peers/contract.md against a server: client ADDRESS [NAME=VALUE]...
//
// It prints "CHECK ok" or "CHECK FAIL reason" for each check and at the end "N passed, N failed".
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"reflect"
	"runtime"
	"strings"
	"time"

	"rpyc"
)

// checker is what a check works with.
type checker struct {
	ctx  context.Context
	conn *rpyc.Conn
	root *rpyc.Object
	dial func() *rpyc.Conn
}

type check struct {
	name string
	run  func(*checker)
}

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: client ADDRESS [NAME=VALUE]...")
		os.Exit(2)
	}
	options := []rpyc.Option{rpyc.WithService(&clientRoot{})}
	for _, setting := range os.Args[2:] {
		name, value, _ := strings.Cut(setting, "=")
		options = append(options, rpyc.WithConfig(name, value))
	}
	dial := func() *rpyc.Conn {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		conn, err := rpyc.Dial(ctx, os.Args[1], options...)
		ok(err)
		return conn
	}
	passed, failed := 0, 0
	c := &checker{dial: dial}
	for _, group := range [][]check{valueChecks, callbackChecks, objectChecks, lastChecks} {
		for _, check := range group {
			if reason := c.try(check); reason != "" {
				failed++
				fmt.Printf("%s FAIL %s\n", check.name, reason)
				continue
			}
			passed++
			fmt.Printf("%s ok\n", check.name)
		}
	}
	c.conn.Close()
	fmt.Printf("%d passed, %d failed\n", passed, failed)
	if failed > 0 {
		os.Exit(1)
	}
}

// failure is what a check panics with.
type failure string

// try runs one check; "" or why it failed.
func (c *checker) try(check check) (reason string) {
	defer func() {
		switch cause := recover().(type) {
		case nil:
		case failure:
			reason = string(cause)
		default:
			reason = fmt.Sprint("panic: ", cause)
		}
	}()
	if c.conn == nil || c.conn.Err() != nil {
		c.conn = c.dial()
		c.root = c.conn.Root()
	}
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	c.ctx = ctx
	check.run(c)
	return ""
}

func fail(format string, args ...any) {
	_, _, line, _ := runtime.Caller(2)
	panic(failure(fmt.Sprintf("line %d: ", line) + fmt.Sprintf(format, args...)))
}

func ok(err error) {
	if err != nil {
		fail("%v", err)
	}
}

func isTrue(condition bool) {
	if !condition {
		fail("not so")
	}
}

func equal(got, want any) {
	if !reflect.DeepEqual(got, want) {
		fail("got %.300v (%T), want %.300v (%T)", got, got, want, want)
	}
}

func raises(kind string, err error) *rpyc.RemoteError {
	var remote *rpyc.RemoteError
	if !errors.As(err, &remote) || !errors.Is(err, rpyc.Type(kind)) {
		fail("got %v, want %s", err, kind)
	}
	return remote
}

// call calls a method of the root, which must go well.
func (c *checker) call(name string, args ...any) any {
	value, err := c.root.CallMethod(c.ctx, name, args...)
	if err != nil {
		fail("%s: %v", name, err)
	}
	return value
}

// fails calls a method of the root, for its error.
func (c *checker) fails(name string, args ...any) error {
	_, err := c.root.CallMethod(c.ctx, name, args...)
	return err
}

// object calls a method of the root that gives an object.
func (c *checker) object(name string, args ...any) *rpyc.Object {
	object, isObject := c.call(name, args...).(*rpyc.Object)
	if !isObject {
		fail("%s gave no object", name)
	}
	return object
}

// get reads an attribute.
func (c *checker) get(object *rpyc.Object, name string) any {
	value, err := object.Get(c.ctx, name)
	if err != nil {
		fail("%s: %v", name, err)
	}
	return value
}

// method calls a method of an object.
func (c *checker) method(object *rpyc.Object, name string, args ...any) any {
	value, err := object.CallMethod(c.ctx, name, args...)
	if err != nil {
		fail("%s: %v", name, err)
	}
	return value
}

// list gives all items of an iterable.
func (c *checker) list(object *rpyc.Object) []any {
	all := []any{}
	items := rpyc.Iterate[any](c.ctx, object)
	for items.Next() {
		all = append(all, items.Value())
	}
	if err := items.Err(); err != nil {
		fail("%v", err)
	}
	return all
}

// eventually waits until something has a value; the garbage collector runs meanwhile.
func eventually(get func() any, want any) {
	deadline := time.Now().Add(20 * time.Second)
	for !reflect.DeepEqual(get(), want) {
		if time.Now().After(deadline) {
			fail("got %v, want %v", get(), want)
		}
		runtime.GC()
		time.Sleep(20 * time.Millisecond)
	}
}

func some[T any](value T, err error) T {
	if err != nil {
		fail("%v", err)
	}
	return value
}

// ints is a tuple of the numbers from 0.
func ints(count int) rpyc.Tuple {
	all := make(rpyc.Tuple, count)
	for i := range all {
		all[i] = int64(i)
	}
	return all
}
