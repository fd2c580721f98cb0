// Command soak is the Go half of the soak (tests/run/soak.py). tests/soak/soak.c describes serve, call and churn.
//
//	soak serve ADDRESS | call ADDRESS SEED COUNT [native] | churn
package main

// #include <malloc.h>
//
// static long long in_use(void)
// {
//     struct mallinfo2 all = mallinfo2();
//     return (long long)(all.uordblks + all.hblkhd);
// }
import "C"

import (
	"bufio"
	"context"
	"fmt"
	"log"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"rpyc"
)

var alive, operations, wrong, running, gone atomic.Int64

func entries(folder string) int {
	all, _ := os.ReadDir(folder)
	return len(all) - 1 // without the descriptor of the folder itself
}

func resident() int {
	var size, pages int
	text, _ := os.ReadFile("/proc/self/statm")
	_, _ = fmt.Sscan(string(text), &size, &pages)
	return pages * os.Getpagesize()
}

// report prints the number of goroutines instead of threads, because Go's runtime keeps threads.
func report(connections int) {
	// The second collection frees objects with finalizers, the third one the objects that those referred to.
	for n := 0; n < 3; n++ {
		runtime.GC()
		time.Sleep(10 * time.Millisecond)
	}
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	fmt.Printf("report in_use=%d resident=%d threads=%d descriptors=%d connections=%d objects=%d running=%d operations=%d gone=%d wrong=%d\n",
		int64(C.in_use())+int64(stats.HeapAlloc), resident(), runtime.NumGoroutine(), entries("/proc/self/fd"), connections,
		alive.Load(), running.Load(), operations.Load(), gone.Load(), wrong.Load())
}

func orders(connections func() int) {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		words := strings.Fields(lines.Text())
		if len(words) == 1 && words[0] == "report" {
			report(connections())
			continue
		}
		if len(words) != 3 {
			continue
		}
		running.Add(1)
		go func() {
			defer running.Add(-1)
			call(words[0], words[1], words[2], "accept")
		}()
	}
}

func serve(address string) {
	ctx, stop := context.WithCancel(context.Background())
	listener, err := rpyc.Listen(ctx, address)
	if err != nil {
		log.Fatal(err)
	}
	server := rpyc.NewServer(newDesk, rpyc.WithTimeout(0))
	ended := make(chan error)
	go func() { ended <- server.Serve(ctx, listener) }()
	fmt.Printf("listening tcp://%s\n", listener.Addr())
	orders(func() int { return len(server.Conns()) })
	stop()
	if err := <-ended; err != nil {
		log.Fatal(err)
	}
}

func main() {
	switch words := os.Args[1:]; {
	case len(words) == 2 && words[0] == "serve":
		serve(words[1])
	case len(words) >= 4 && words[0] == "call":
		native := "off"
		if len(words) > 4 {
			native = "on"
		}
		if !call(words[1], words[2], words[3], native) {
			os.Exit(1)
		}
	case len(words) == 1 && words[0] == "churn":
		fmt.Println("ready")
		orders(func() int { return 0 })
	default:
		log.Fatal("usage: see tests/soak/soak.c")
	}
}

func number(text string) int {
	n, _ := strconv.ParseUint(text, 10, 64)
	return int(n)
}
