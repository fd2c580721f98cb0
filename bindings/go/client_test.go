package rpyc_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"rpyc"
)

// counting counts what it executes.
type counting struct{ calls atomic.Int64 }

func (c *counting) Bump(number int64) int64 {
	c.calls.Add(1)
	return number
}

func (c *counting) Take(any) { c.calls.Add(1) }

func (c *counting) Itself() *counting { return c }

var clientNumber atomic.Int64

// local returns an address at which nobody listens, and which nobody else uses.
func local() string {
	return fmt.Sprintf("unix://@rpyc-go-client-%d-%d", os.Getpid(), clientNumber.Add(1))
}

// serving serves a service at an address; the result stops it and waits for that.
func serving(t *testing.T, addr string, service any) func() {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	server := rpyc.NewServer(service)
	listener, err := server.Listen(ctx, addr)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(ctx, listener) }()
	return func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

// Servers come and go: the client connects again, objects of former connections are stale, and nothing is sent for them.
func TestClientConnectsAgain(t *testing.T) {
	addr, service := local(), &counting{}
	client, err := rpyc.NewClient(addr)
	if err != nil {
		t.Fatal(err)
	}
	var events []rpyc.ClientEvent
	client.Listen(func(ctx context.Context, event rpyc.ClientEvent) {
		events = append(events, event)
		if _, err := client.Conn(ctx); err == nil {
			t.Error("the client is used in its own function")
		}
	})
	if _, err := client.Call(within(t), "bump", 1); err == nil {
		t.Fatal("nobody listens")
	}
	stop := serving(t, addr, service)
	call := func() {
		t.Helper()
		if value, err := client.Call(within(t), "bump", 7); err != nil || value != int64(7) {
			t.Fatal(value, err)
		}
	}
	call()
	call()
	conn, err := client.Conn(within(t))
	if err != nil {
		t.Fatal(err)
	}
	root := conn.Root()
	value, err := client.Call(within(t), "itself")
	object, ok := value.(*rpyc.Object)
	if err != nil || !ok {
		t.Fatal(value, err)
	}
	for i := 2; i <= 3; i++ {
		stop()
		<-conn.Done()
		stop = serving(t, addr, service)
		call()
		before := service.calls.Load()
		for _, old := range []*rpyc.Object{root, object} {
			if _, err := old.CallMethod(within(t), "bump", 1); !errors.Is(err, rpyc.ErrStale) || !errors.Is(err, rpyc.ErrClosed) {
				t.Fatal(err)
			}
			if _, err := client.Call(within(t), "take", old); !errors.Is(err, rpyc.ErrStale) {
				t.Fatal(err)
			}
		}
		if service.calls.Load() != before || client.Generation() != uint64(i) {
			t.Fatal(service.calls.Load(), before, client.Generation())
		}
		if conn, err = client.Conn(within(t)); err != nil {
			t.Fatal(err)
		}
	}
	if err := client.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Call(within(t), "bump", 1); !errors.Is(err, rpyc.ErrClosed) {
		t.Fatal(err)
	}
	stop()
	told := ""
	for _, event := range events {
		switch {
		case event.Conn != nil:
			told += fmt.Sprint("+", event.Generation)
		case event.Lost:
			told += fmt.Sprint("-", event.Generation)
		default:
			told += fmt.Sprint("?", event.Generation)
		}
	}
	if told != "?0+1-1+2-2+3" {
		t.Fatal(told)
	}
}

// Contexts end the wait for a server, and Close ends everything.
func TestClientLimits(t *testing.T) {
	client, err := rpyc.NewClient(local(), rpyc.WithConfig("connect_retry", "3600"))
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 3)
	for i := 0; i < 2; i++ {
		go func() {
			_, err := client.Call(context.Background(), "bump", 1)
			ended <- err
		}()
	}
	go func() { ended <- client.Keep(context.Background()) }()
	for i := 0; i < 2; i++ {
		ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
		if _, err := client.Call(ctx, "bump", 1); !errors.Is(err, rpyc.ErrTimeout) || !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		cancel()
	}
	client.Close()
	for i := 0; i < 3; i++ {
		if err := <-ended; err != nil && !errors.Is(err, rpyc.ErrClosed) {
			t.Error(err)
		}
	}
	if _, err := rpyc.NewClient("nowhere"); !errors.Is(err, rpyc.ErrAddress) {
		t.Error(err)
	}
}

// A goroutine that keeps the client connected finds the ends although nothing is called.
func TestClientKeep(t *testing.T) {
	addr := local()
	client, err := rpyc.NewClient(addr, rpyc.WithConfig("connect_retry", "60"))
	if err != nil {
		t.Fatal(err)
	}
	connected := make(chan uint64, 10)
	client.Listen(func(_ context.Context, event rpyc.ClientEvent) {
		if event.Conn != nil {
			connected <- event.Generation
		}
	})
	ended := make(chan error, 1)
	go func() { ended <- client.Keep(context.Background()) }()
	for i := uint64(1); i <= 3; i++ {
		stop := serving(t, addr, &counting{})
		if generation := <-connected; generation != i {
			t.Error(generation)
		}
		stop()
	}
	client.Close()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
}
