package rpyc_test

import (
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"rpyc"
)

// lazy is a number that is available when its gate is open.
type lazy struct {
	number int64
	gate   chan struct{}
}

func (*lazy) DescribeRPyC(c *rpyc.Class) { c.Method("__index__()", "Index") }

func (l *lazy) Index() int64 {
	<-l.gate
	return l.number
}

// turnstile takes numbers and detects two calls at the same time.
type turnstile struct{ inside, together atomic.Int32 }

func (s *turnstile) Take(number int64, factor float64) (int64, float64) {
	if s.inside.Add(1) > 1 {
		s.together.Add(1)
	}
	time.Sleep(time.Millisecond)
	s.inside.Add(-1)
	return number, factor
}

// In a serial server, a call whose arguments are still being converted lets other calls pass, and does not overlap with
// them afterwards.
func TestSerialCallsWithTypes(t *testing.T) {
	service := &turnstile{}
	addr, _ := serve(t, service, rpyc.WithSerial())
	conn, ctx := dial(t, addr), within(t)
	gate := make(chan struct{})
	var waiting, passing []*rpyc.Future[rpyc.Tuple]
	for i := int64(0); i < 10; i++ {
		waiting = append(waiting, rpyc.Async[rpyc.Tuple](ctx, conn.Root(), "take", &lazy{i, gate}, 0.5))
		passing = append(passing, rpyc.Async[rpyc.Tuple](ctx, conn.Root(), "take", i, i))
	}
	for i, future := range passing {
		equal(t, must[rpyc.Tuple](t)(future.Result()), rpyc.Tuple{int64(i), float64(i)})
	}
	close(gate)
	for i, future := range waiting {
		equal(t, must[rpyc.Tuple](t)(future.Result()), rpyc.Tuple{int64(i), 0.5})
	}
	equal(t, service.together.Load(), int32(0))
	_, err := rpyc.Call[rpyc.Tuple](ctx, conn.Root(), "take", "1", 2)
	if !errors.Is(err, rpyc.Type("TypeError")) {
		t.Errorf("a text is taken for a number: %v", err)
	}
	// A call whose numbers never arrive blocks no other call, and not the end of the connection.
	never := rpyc.Async[rpyc.Tuple](ctx, conn.Root(), "take", &lazy{1, make(chan struct{})}, 1)
	equal(t, must[rpyc.Tuple](t)(rpyc.Call[rpyc.Tuple](ctx, conn.Root(), "take", 7, 8)), rpyc.Tuple{int64(7), 8.0})
	equal(t, conn.Close(), nil)
	if _, err := never.Result(); err == nil {
		t.Error("the call came to an end")
	}
}
