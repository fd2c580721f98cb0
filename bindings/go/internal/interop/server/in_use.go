package main

// #include <malloc.h>
//
// static long long in_use(void)
// {
//     struct mallinfo2 all = mallinfo2();
//     return (long long)(all.uordblks + all.hblkhd);
// }
import "C"

import "runtime"

// InUse gives the bytes that are in use, of C's allocator and of Go's.
func (*root) InUse() int64 {
	var stats runtime.MemStats
	// Twice: what has a finalizer goes with the second.
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&stats)
	return int64(C.in_use()) + int64(stats.HeapAlloc)
}
