// Command reconnecting calls a server that is killed and started again: reconnecting restarts ADDRESS COUNT GOROUTINES
// FILE (tests/run/reconnecting.py). The numbers of the calls that were answered are in the file.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"rpyc"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) != 6 || os.Args[1] != "restarts" {
		log.Fatal("usage: reconnecting restarts ADDRESS COUNT GOROUTINES FILE")
	}
	restarts, _ := strconv.Atoi(os.Args[3])
	callers, _ := strconv.Atoi(os.Args[4])
	file, err := os.OpenFile(os.Args[5], os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		log.Fatal(err)
	}
	client, err := rpyc.NewClient(os.Args[2], rpyc.WithConfig("connect_retry", "60"))
	if err != nil {
		log.Fatal(err)
	}
	var last, lost, uncertain, up atomic.Int64
	client.Listen(func(_ context.Context, event rpyc.ClientEvent) {
		if event.Lost {
			lost.Add(1)
		}
	})
	call := func() bool {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		number := last.Add(1)
		value, err := client.Call(ctx, "bump", number)
		generation := int64(client.Generation())
		if err != nil {
			if !errors.Is(err, rpyc.ErrClosed) {
				log.Fatal(err)
			}
			uncertain.Add(1)
			return true
		}
		if value != number {
			log.Fatalf("%v is not %d", value, number)
		}
		fmt.Fprintf(file, "%d\n", number)
		if before := up.Load(); before < generation && up.CompareAndSwap(before, generation) {
			fmt.Printf("up %d\n", generation)
		}
		return generation <= int64(restarts)
	}
	var group sync.WaitGroup
	for i := 0; i < callers; i++ {
		group.Add(1)
		go func() {
			defer group.Done()
			for call() {
			}
		}()
	}
	group.Wait()
	if lost.Load() != int64(restarts) || client.Generation() != uint64(restarts)+1 {
		log.Fatalf("%d connections lost, and %d made", lost.Load(), client.Generation())
	}
	fmt.Printf("uncertain %d\n", uncertain.Load())
	client.Close()
}
