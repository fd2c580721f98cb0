// Command conversions measures the cost of conversions in Go. benches/run/conversions.py is the peer and counts the
// requests. The usage is that of benches/c/conversions.c.
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"time"

	"rpyc"
)

const many = 2000

func once(ctx context.Context, root *rpyc.Object, name, kind string) (any, error) {
	switch kind {
	case "int":
		return rpyc.Call[int64](ctx, root, "give", name)
	case "uint":
		return rpyc.Call[uint64](ctx, root, "give", name)
	case "float":
		return rpyc.Call[float64](ctx, root, "give", name)
	case "bool":
		return rpyc.Call[bool](ctx, root, "give", name)
	case "str":
		return rpyc.Call[string](ctx, root, "give", name)
	case "bytes":
		return rpyc.Call[[]byte](ctx, root, "give", name)
	case "complex":
		return rpyc.Call[complex128](ctx, root, "give", name)
	case "floats":
		return rpyc.Call[[]float64](ctx, root, "give", name)
	case "map":
		return rpyc.Call[map[int]float64](ctx, root, "give", name)
	case "set":
		return rpyc.Call[map[float64]struct{}](ctx, root, "give", name)
	}
	return nil, errors.New("no such kind")
}

func call(address string) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	conn, err := rpyc.Dial(ctx, address)
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	var name, kind string
	var count int
	input := bufio.NewReader(os.Stdin)
	for {
		if _, err := fmt.Fscan(input, &name, &kind, &count); err != nil {
			return
		}
		var value any
		var err error
		best := time.Hour
		for i := 0; i < count && err == nil; i++ {
			start := time.Now()
			value, err = once(ctx, conn.Root(), name, kind)
			if spent := time.Since(start); spent < best {
				best = spent
			}
		}
		if err != nil {
			fmt.Printf("- %v\n", err)
		} else {
			fmt.Printf("%.1f %.60s\n", float64(best.Nanoseconds())/1000, fmt.Sprint(value))
		}
	}
}

type service struct{}

func (*service) TakeInt(value int64) int64       { return value }
func (*service) TakeFloat(value float64) float64 { return value }
func (*service) TakeBool(value bool) bool        { return value }
func (*service) TakeStr(value string) string     { return value }
func (*service) TakeBytes(value []byte) []byte   { return value }

func (*service) Give(name string) any {
	floats := make([]float64, many)
	dict := make(map[int]float64, many)
	tuple := make(rpyc.Tuple, many)
	for i := range floats {
		floats[i] = float64(i) / 2
		dict[i], tuple[i] = floats[i], floats[i]
	}
	switch name {
	case "array":
		return rpyc.Numbers(floats)
	case "float":
		return 2.5
	case "dict":
		return dict
	case "tuple":
		return tuple
	}
	return floats
}

func main() {
	log.SetFlags(0)
	switch {
	case len(os.Args) == 3 && os.Args[1] == "call":
		call(os.Args[2])
	case len(os.Args) == 2 && os.Args[1] == "serve":
		ctx := context.Background()
		listener, err := rpyc.Listen(ctx, "tcp://127.0.0.1:0")
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("listening %s://%s\n", listener.Addr().Network(), listener.Addr())
		if err := rpyc.NewServer(&service{}, rpyc.WithConfig("allow_pickle", "true")).Serve(ctx, listener); err != nil {
			log.Fatal(err)
		}
	default:
		log.Fatal("usage: conversions call ADDRESS, or conversions serve")
	}
}
