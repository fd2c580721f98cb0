// Command hostile is a client of hostile servers (tests/hostile/server.py): hostile ADDRESS ROUNDS. Each round connects
// and makes every kind of request. Each of them must return a value, or an error whose message is one line.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"
	"unicode"

	"rpyc"
)

var passed, failed int

func check(good bool, what ...any) {
	if good {
		passed++
		return
	}
	if failed++; failed < 50 {
		fmt.Fprintln(os.Stderr, append([]any{"not so:"}, what...)...)
	}
}

var outcomes = map[bool]int{}

// tried checks the outcome of an operation. It returns true if there was a value.
func tried(what string, err error) bool {
	outcomes[err == nil]++
	if err == nil {
		passed++
		return true
	}
	check(err.Error() != "" && isPlain(err.Error()), what, "says", err)
	return false
}

func isPlain(text string) bool { return strings.IndexFunc(text, unicode.IsControl) < 0 }

func onObject(ctx context.Context, object *rpyc.Object) {
	var err error
	ask := func(what string, run func() error) { tried(what, run()) }
	ask("Str", func() error { _, err = object.Str(ctx); return err })
	ask("Repr", func() error { _, err = object.Repr(ctx); return err })
	ask("Hash", func() error { _, err = object.Hash(ctx); return err })
	ask("Dir", func() error { _, err = object.Dir(ctx); return err })
	ask("Inspect", func() error { _, err = object.Inspect(ctx); return err })
	value, err := object.Get(ctx, "x")
	if tried("Get", err) {
		if object, ok := value.(*rpyc.Object); ok {
			check(isPlain(object.String()), "String gives", object)
		}
		ask("As int", func() error { _, err = rpyc.As[int](ctx, value); return err })
		ask("As slice", func() error { _, err = rpyc.As[[]float64](ctx, value); return err })
		ask("As map", func() error { _, err = rpyc.As[map[string]int](ctx, value); return err })
		ask("As string", func() error { _, err = rpyc.As[string](ctx, value); return err })
	}
	ask("Set", func() error { return object.Set(ctx, "x", 1) })
	ask("Delete", func() error { return object.Delete(ctx, "x") })
	callback := rpyc.Func("callback(value)", func(value any) any { return value })
	ask("CallMethod", func() error { _, err = object.CallMethod(ctx, "work", 1, callback); return err })
	ask("Call", func() error { _, err = object.Call(ctx, callback); return err })
	ask("Compare", func() error { _, err = object.Compare(ctx, "<", 1); return err })
	ask("Equal", func() error { _, err = object.Equal(ctx, 1); return err })
	ask("Truth", func() error { _, err = object.Truth(ctx); return err })
	ask("Len", func() error { _, err = object.Len(ctx); return err })
	ask("Contains", func() error { _, err = object.Contains(ctx, 1); return err })
	ask("IsInstance", func() error { _, err = object.IsInstance(ctx, object); return err })
	ask("Item", func() error { _, err = object.Item(ctx, 1); return err })
	ask("SetItem", func() error { return object.SetItem(ctx, 1, 2) })
	ask("DeleteItem", func() error { return object.DeleteItem(ctx, 1) })
	ask("With", func() error { return object.With(ctx, func(any) error { return nil }) })
	ask("As of an object", func() error { _, err = rpyc.As[[]any](ctx, object); return err })
	ask("As int of an object", func() error { _, err = rpyc.As[int](ctx, object); return err })
	classic := rpyc.NewClassic(object.Conn())
	ask("Eval", func() error { _, err = classic.Eval(ctx, "1 + 1"); return err })
	ask("Execute", func() error { return classic.Execute(ctx, "x = 1") })
	ask("Module", func() error { _, err = classic.Module(ctx, "os"); return err })
}

func round(addr string, number int) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	dialects := []string{"6", "auto", "5", "6"}
	native := "accept"
	if number%4 == 3 {
		native = "on"
	}
	conn, err := rpyc.Dial(ctx, addr, rpyc.WithTimeout(500*time.Millisecond), rpyc.WithConfig("dialect", dialects[number%4]),
		rpyc.WithConfig("native", native))
	if !tried("Dial", err) {
		return
	}
	tried("Ping", conn.Ping(ctx))
	onObject(ctx, conn.Root())
	conn.Close()
	<-conn.Done()
}

func descriptors() int {
	entries, _ := os.ReadDir("/proc/self/fd")
	return len(entries)
}

func main() {
	log.SetOutput(io.Discard)
	rounds, _ := strconv.Atoi(os.Args[2])
	open := 0
	for number := 0; number < rounds; number++ {
		round(os.Args[1], number)
		if number <= 10 {
			open = descriptors()
		}
	}
	// The goroutines of the connections have ended.
	for n := 0; runtime.NumGoroutine() > 20 && n < 1000; n++ {
		time.Sleep(10 * time.Millisecond)
	}
	check(runtime.NumGoroutine() <= 20, runtime.NumGoroutine(), "goroutines are left")
	check(descriptors() <= open+2, descriptors(), "descriptors are open, before", open)
	fmt.Printf("%d values, %d errors\n%d passed, %d failed\n", outcomes[true], outcomes[false], passed, failed)
	if failed > 0 {
		os.Exit(1)
	}
}
