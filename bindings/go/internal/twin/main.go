// Command twin is the Go half of the random twin in tests/twin: the service of service.py and the things of things.py.
//
//	twin serve ADDRESS
//
// It ends at the end of its standard input.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"

	"rpyc"
)

func main() {
	if len(os.Args) != 3 || os.Args[1] != "serve" {
		log.Fatal("usage: twin serve ADDRESS")
	}
	for _, described := range []any{&root{}, &SubItem{}, &Bag{}, &Bare{}} {
		if _, err := rpyc.ClassOf(described); err != nil {
			log.Fatal(err)
		}
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	listener, err := rpyc.Listen(ctx, os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		stop()
	}()
	fmt.Printf("listening %s://%s\n", listener.Addr().Network(), listener.Addr())
	server := rpyc.NewServer(func(*rpyc.Conn) (any, error) { return newRoot() }, rpyc.WithConfig("allow_public_attrs", "true"),
		rpyc.WithConfig("allow_setattr", "true"), rpyc.WithConfig("allow_delattr", "true"))
	if err := server.Serve(ctx, listener); err != nil && ctx.Err() == nil {
		log.Fatal(err)
	}
}
