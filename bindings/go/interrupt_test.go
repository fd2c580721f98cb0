package rpyc_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"rpyc"
)

// heldUp holds calls until the gate is closed.
type heldUp struct {
	entered chan bool
	gate    chan bool
	calls   int32
}

func (g *heldUp) Hold(ctx context.Context) int {
	atomic.AddInt32(&g.calls, 1)
	g.entered <- true
	<-g.gate
	return 1
}

func (g *heldUp) Quick(n int) int {
	atomic.AddInt32(&g.calls, 1)
	return n
}

func TestInterrupt(t *testing.T) {
	service := &heldUp{entered: make(chan bool, 9), gate: make(chan bool)}
	addr, _ := serve(t, service)
	conn := dial(t, addr)
	failed := make(chan error, 9)
	for i := 0; i < 2; i++ {
		go func() { failed <- second(conn.Root().CallMethod(within(t), "hold")) }()
	}
	future := rpyc.Async[int](within(t), conn.Root(), "hold")
	for i := 0; i < 3; i++ {
		<-service.entered
	}
	conn.Interrupt()
	for i := 0; i < 2; i++ {
		if err := <-failed; !errors.Is(err, rpyc.ErrInterrupted) {
			t.Error(err)
		}
	}
	if _, err := future.Result(); !errors.Is(err, rpyc.ErrInterrupted) {
		t.Error(err)
	}
	close(service.gate) // the late replies are dropped
	if n := must[int](t)(rpyc.Call[int](within(t), conn.Root(), "quick", 7)); n != 7 {
		t.Error(n)
	}
	// No request is waiting: the next one is interrupted and not sent.
	before := atomic.LoadInt32(&service.calls)
	conn.Interrupt()
	conn.Interrupt()
	if _, err := conn.Root().CallMethod(within(t), "quick", 8); !errors.Is(err, rpyc.ErrInterrupted) {
		t.Error(err)
	}
	if n := must[int](t)(rpyc.Call[int](within(t), conn.Root(), "quick", 9)); n != 9 || atomic.LoadInt32(&service.calls) != before+1 {
		t.Error(n, atomic.LoadInt32(&service.calls), before)
	}
	conn.Close()
	conn.Interrupt()
	if _, err := conn.Root().CallMethod(within(t), "quick", 8); !errors.Is(err, rpyc.ErrClosed) {
		t.Error(err)
	}
}
