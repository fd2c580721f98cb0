package rpyc_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"rpyc"
)

// Squares is the service that batches call.
type Squares struct{ hold chan struct{} }

// Square fails for odd numbers above 100.
func (*Squares) Square(n int64) (int64, error) {
	if n > 100 && n%2 == 1 {
		return 0, errors.New("odd")
	}
	return n * n, nil
}

// Apply calls a function of the caller before it replies.
func (*Squares) Apply(ctx context.Context, f func(context.Context, int64) (int64, error), n int64) (int64, error) {
	return f(ctx, n)
}

// Hold replies when the channel is closed.
func (s *Squares) Hold(ctx context.Context, n int64) (int64, error) {
	if n >= 10 {
		select {
		case <-s.hold:
		case <-ctx.Done():
		}
	}
	return n, nil
}

func lists(count int, args func(i int) []any) [][]any {
	calls := make([][]any, count)
	for i := range calls {
		calls[i] = args(i)
	}
	return calls
}

func TestBatch(t *testing.T) {
	service := &Squares{hold: make(chan struct{})}
	addr, _ := serve(t, service)
	conn := dial(t, addr)
	root := conn.Root()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()

	t.Run("results and errors", func(t *testing.T) {
		// An argument that cannot be sent does not stop the other calls.
		calls := lists(300, func(i int) []any { return []any{int64(i)} })
		calls[7] = []any{make(chan int)}
		for _, window := range []int{0, 1, 5, 1000} {
			told := 0
			results, err := rpyc.BatchWindow(ctx, root, "square", calls, window, func(i int, one rpyc.Result[int64]) {
				if i != told {
					t.Errorf("%d was told in the place of %d", i, told)
				}
				told++
			})
			if err != nil || told != len(calls) || len(results) != len(calls) {
				t.Fatal(err, told)
			}
			for i, one := range results {
				fails := i == 7 || i > 100 && i%2 == 1
				if fails != (one.Err != nil) || !fails && one.Value != int64(i*i) {
					t.Errorf("window %d, call %d: %v", window, i, one)
				}
			}
		}
		results, err := rpyc.Batch[int64](ctx, root, "square", nil)
		if err != nil || len(results) != 0 {
			t.Error(results, err)
		}
	})

	t.Run("several methods", func(t *testing.T) {
		twice := func(n int64) int64 { return 2 * n }
		square := must[any](t)(root.Get(ctx, "square")).(*rpyc.Object)
		elsewhere := dial(t, addr)
		calls := []rpyc.BatchCall{
			{Object: root, Name: "square", Args: []any{3}},
			{Object: square, Args: []any{4}},
			{Object: elsewhere.Root(), Name: "square", Args: []any{5}},
			{Object: root, Name: "apply", Args: []any{twice, 6}},
			{Object: nil, Name: "square", Args: []any{7}},
			{Object: root, Name: "missing"},
		}
		results, err := rpyc.BatchCalls[int64](ctx, calls, 2, nil)
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range []int64{9, 16, 0, 12, 0, 0} {
			if results[i].Value != want || (results[i].Err != nil) != (want == 0) {
				t.Errorf("call %d: %v", i, results[i])
			}
		}
		results, err = rpyc.BatchCalls[int64](ctx, nil, 0, nil)
		if err != nil || len(results) != 0 {
			t.Error(results, err)
		}
	})

	t.Run("nested requests", func(t *testing.T) {
		twice := func(ctx context.Context, n int64) (int64, error) {
			square, err := rpyc.Call[int64](ctx, root, "square", 2)
			return 2*n + square, err
		}
		results, err := rpyc.Batch[int64](ctx, root, "apply", lists(50, func(i int) []any { return []any{twice, int64(i)} }))
		if err != nil {
			t.Fatal(err)
		}
		for i, one := range results {
			if one.Err != nil || one.Value != int64(2*i+4) {
				t.Errorf("call %d: %v", i, one)
			}
		}
	})

	t.Run("the end of the context", func(t *testing.T) {
		short, cancel := context.WithTimeout(ctx, 2*time.Second)
		defer cancel()
		results, err := rpyc.BatchWindow[int64](short, root, "hold", lists(40, func(i int) []any { return []any{int64(i)} }), 15, nil)
		if !errors.Is(err, rpyc.ErrTimeout) {
			t.Error(err)
		}
		for i, one := range results {
			if i < 10 && one.Err != nil || i >= 10 && !errors.Is(one.Err, rpyc.ErrTimeout) {
				t.Errorf("call %d: %v", i, one)
			}
		}
		close(service.hold)
	})

	t.Run("the end of the connection", func(t *testing.T) {
		other := dial(t, addr)
		root := other.Root()
		results, err := rpyc.BatchWindow(ctx, root, "square", lists(100, func(i int) []any { return []any{int64(i)} }), 10, func(i int, one rpyc.Result[int64]) {
			if i == 20 {
				other.Close()
			}
		})
		if err == nil {
			t.Error("no error")
		}
		if results[20].Err != nil || results[99].Err == nil {
			t.Error(results[20], results[99])
		}
	})
}
