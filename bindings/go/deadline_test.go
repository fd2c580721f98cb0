package rpyc_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"rpyc"
)

// Clocked reports the deadlines of its contexts.
type Clocked struct{ ended chan error }

// Left returns how many milliseconds the caller will still wait; -1 if unknown.
func (*Clocked) Left(ctx context.Context) int64 {
	deadline, limited := ctx.Deadline()
	if !limited {
		return -1
	}
	return time.Until(deadline).Milliseconds()
}

// Work ends when the caller stops waiting.
func (c *Clocked) Work(ctx context.Context) error {
	<-ctx.Done()
	c.ended <- ctx.Err()
	return ctx.Err()
}

// Pass calls the peer with the caller's remaining time.
func (*Clocked) Pass(ctx context.Context, f func(context.Context) (int64, error)) (int64, error) {
	return f(ctx)
}

func TestDeadlines(t *testing.T) {
	service := &Clocked{ended: make(chan error, 1)}
	addr, _ := serve(t, service)
	conn := dial(t, addr, rpyc.WithConfig("native", "on"))
	hour, cancel := context.WithTimeout(context.Background(), time.Hour)
	defer cancel()
	about := func(left int64) {
		t.Helper()
		if left <= 0 || left > time.Hour.Milliseconds() || left < (50*time.Minute).Milliseconds() {
			t.Errorf("got %d", left)
		}
	}
	left := func(ctx context.Context, c *rpyc.Conn) int64 {
		t.Helper()
		return must[int64](t)(rpyc.Call[int64](ctx, c.Root(), "left"))
	}
	about(left(hour, conn))
	equal(t, left(context.Background(), conn), int64(-1))
	about(left(context.Background(), dial(t, addr, rpyc.WithConfig("native", "on"), rpyc.WithTimeout(time.Hour))))
	// The remaining time also applies to requests that a call makes itself.
	own := &Clocked{}
	about(must[int64](t)(rpyc.Call[int64](hour, conn.Root(), "pass", own.Left)))
	equal(t, must[int64](t)(rpyc.Call[int64](context.Background(), conn.Root(), "pass", own.Left)), int64(-1))
	// Without the native dialect no deadline is sent.
	equal(t, left(hour, dial(t, addr)), int64(-1))

	short, stop := context.WithTimeout(context.Background(), time.Second)
	defer stop()
	if _, err := conn.Root().CallMethod(short, "work"); !errors.Is(err, rpyc.ErrTimeout) && !errors.Is(err, rpyc.Type("TimeoutError")) {
		t.Errorf("got %v", err)
	}
	if err := <-service.ended; !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	about(left(hour, conn)) // the connection stays open
}
