package rpyc_test

import (
	"context"
	"testing"

	"rpyc"
)

// Calls one after the other, with client and server in one process.
func BenchmarkCall(b *testing.B) {
	addr, _ := serve(b, newCalculator())
	conn := dial(b, addr)
	ctx := context.Background()
	b.ReportAllocs()
	b.ResetTimer()
	for i := 0; i < b.N; i++ {
		if _, err := rpyc.Call[int](ctx, conn.Root(), "add", i, 1); err != nil {
			b.Fatal(err)
		}
	}
}

// One call at a time for each of many goroutines.
func BenchmarkCallsAtOnce(b *testing.B) {
	addr, _ := serve(b, newCalculator())
	conn := dial(b, addr)
	ctx := context.Background()
	b.SetParallelism(100)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := rpyc.Call[int](ctx, conn.Root(), "add", 1, 1); err != nil {
				b.Fatal(err)
			}
		}
	})
}
