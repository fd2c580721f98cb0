package rpyc_test

import (
	"bytes"
	"context"
	"os"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	"rpyc"
)

// threads counts the threads of this process.
func threads(t *testing.T) int {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Skip(err)
	}
	_, rest, _ := bytes.Cut(status, []byte("Threads:"))
	line, _, _ := bytes.Cut(rest, []byte("\n"))
	count, err := strconv.Atoi(string(bytes.TrimSpace(line)))
	if err != nil {
		t.Fatal(err)
	}
	return count
}

// Thousands of goroutines wait on one connection at the same time, without a thread for each on either side.
func TestThousandsOfGoroutines(t *testing.T) {
	const count = 5000
	gate := &gate{open: make(chan struct{}), arrived: make(chan struct{}, count)}
	addr, _ := serve(t, gate)
	conn := dial(t, addr)
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	failures := make(chan error, count)
	for i := 0; i < count; i++ {
		go func(i int) {
			got, err := rpyc.Call[int](ctx, conn.Root(), "pass", i)
			if err == nil && got != i {
				t.Errorf("%d got the answer of %d", i, got)
			}
			failures <- err
		}(i)
	}
	for i := 0; i < count; i++ {
		select {
		case <-gate.arrived:
		case <-ctx.Done():
			t.Fatalf("only %d calls have arrived", i)
		}
	}
	// All of them are waiting now, and being served, on both sides.
	if n := threads(t); n > 100 {
		t.Errorf("%d threads for %d goroutines", n, count)
	} else {
		t.Logf("%d threads for %d waiting calls", n, count)
	}
	close(gate.open)
	for i := 0; i < count; i++ {
		if err := <-failures; err != nil {
			t.Fatal(err)
		}
	}
}

type gate struct {
	open    chan struct{}
	arrived chan struct{}
}

func (g *gate) Pass(ctx context.Context, n int) (int, error) {
	g.arrived <- struct{}{}
	select {
	case <-g.open:
		return n, nil
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// Many goroutines call, cancel, get objects and export functions at the same time.
func TestManyKindsOfCallsAtOnce(t *testing.T) {
	conn, _ := connect(t)
	ctx := within(t)
	var running sync.WaitGroup
	for i := 0; i < 20; i++ {
		running.Add(1)
		go func(i int) {
			defer running.Done()
			for j := 0; j < 30; j++ {
				switch (i + j) % 4 {
				case 0:
					short, cancel := context.WithTimeout(ctx, time.Duration(j)*20*time.Microsecond)
					_, _ = rpyc.Call[any](short, conn.Root(), "add", i)
					cancel()
				case 1:
					f, err := rpyc.Get[*rpyc.Object](ctx, conn.Root(), "add")
					if err != nil {
						t.Error(err)
						return
					}
					if sum, err := rpyc.Invoke[int](ctx, f, i, j); err != nil || sum != i+j {
						t.Error(sum, err)
					}
					f.Close()
				case 2:
					n, err := rpyc.Call[int](ctx, conn.Root(), "apply", func(n int) int { return n + j }, i)
					if err != nil || n != i+j {
						t.Error(n, err)
					}
				default:
					mine := &Book{"mine", i}
					back, err := rpyc.Call[*Book](ctx, conn.Root(), "echo", mine)
					if err != nil || back != mine {
						t.Error(back, err)
					}
				}
			}
		}(i)
	}
	running.Wait()
}

// settles runs the garbage collector until a count has the expected value.
func settles(t *testing.T, what string, want int, count func() int) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for {
		runtime.GC()
		got := count()
		if got <= want {
			return
		}
		if time.Now().After(deadline) {
			stacks := make([]byte, 1<<20)
			t.Fatalf("%d %s, want %d\n%s", got, what, want, stacks[:runtime.Stack(stacks, true)])
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func TestNoGoroutineStays(t *testing.T) {
	before := runtime.NumGoroutine()
	for i := 0; i < 20; i++ {
		service := newCalculator()
		addr, stop := serve(t, service)
		ctx, cancel := context.WithCancel(context.Background())
		conn, err := rpyc.Dial(ctx, addr)
		if err != nil {
			t.Fatal(err)
		}
		go rpyc.Call[any](ctx, conn.Root(), "wait")
		<-service.started
		switch i % 4 {
		case 0:
			conn.Close()
			stop()
		case 1:
			stop()
			conn.Close()
		case 2:
			cancel()
			conn.Close()
			stop()
		default:
			stop()
			<-conn.Done() // and it is never closed
		}
		cancel()
	}
	settles(t, "goroutines", before, runtime.NumGoroutine)
}

// A connection that is unreachable and was not closed is closed by the garbage collector.
func TestAForgottenConnectionIsClosed(t *testing.T) {
	before := runtime.NumGoroutine()
	addr, stop := serve(t, newCalculator())
	func() {
		conn, err := rpyc.Dial(context.Background(), addr)
		if err != nil {
			t.Fatal(err)
		}
		object, err := rpyc.Get[*rpyc.Object](context.Background(), conn.Root(), "add")
		if err != nil {
			t.Fatal(err)
		}
		conn = nil
		runtime.GC()
		time.Sleep(20 * time.Millisecond)
		runtime.GC()
		// An object keeps its connection open.
		if sum, err := rpyc.Invoke[int](context.Background(), object, 1); err != nil || sum != 3 {
			t.Fatal(sum, err)
		}
	}()
	// Three goroutines remain: the server's acceptor, its watcher and the one that serves the test.
	settles(t, "goroutines", before+3, runtime.NumGoroutine)
	stop()
	settles(t, "goroutines", before, runtime.NumGoroutine)
}
