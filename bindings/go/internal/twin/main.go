// Command twin is the Go half of the random twin in tests/twin: the service of service.py and the things of things.py.
//
//	twin serve ADDRESS
//	twin drive ADDRESS
//	twin bridge ADDRESS SERVER
//
// As a client it does what a driver tells it.
// As a bridge it hands out the root of a connection of its own to another server, one for each client.
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

// options are what clients of both servers may do.
var options = []rpyc.Option{rpyc.WithConfig("allow_public_attrs", "true"), rpyc.WithConfig("allow_setattr", "true"),
	rpyc.WithConfig("allow_delattr", "true")}

// bridge is a service in the middle.
type bridge struct{ conn *rpyc.Conn }

// Behind returns the root of the other server.
func (b *bridge) Behind() *rpyc.Object { return b.conn.Root() }

// OnDisconnect implements rpyc.Disconnecter.
func (b *bridge) OnDisconnect(*rpyc.Conn) { b.conn.Close() }

// service returns what makes the root for each client.
func service(ctx context.Context, args []string) func(*rpyc.Conn) (any, error) {
	switch {
	case len(args) == 4 && args[1] == "bridge":
		return func(*rpyc.Conn) (any, error) {
			conn, err := rpyc.Dial(ctx, args[3], options...)
			if err != nil {
				return nil, err
			}
			return &bridge{conn}, nil
		}
	case len(args) == 3 && (args[1] == "serve" || args[1] == "drive"):
		for _, described := range []any{&root{}, &SubItem{}, &Bag{}, &Bare{}} {
			if _, err := rpyc.ClassOf(described); err != nil {
				log.Fatal(err)
			}
		}
		if args[1] == "drive" {
			return func(*rpyc.Conn) (any, error) { return &driven{}, nil }
		}
		return func(*rpyc.Conn) (any, error) { return newRoot() }
	}
	log.Fatal("usage: twin serve|drive ADDRESS, twin bridge ADDRESS SERVER")
	return nil
}

func main() {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	made := service(ctx, os.Args)
	listener, err := rpyc.Listen(ctx, os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		stop()
	}()
	fmt.Printf("listening %s://%s\n", listener.Addr().Network(), listener.Addr())
	server := rpyc.NewServer(made, options...)
	if err := server.Serve(ctx, listener); err != nil && ctx.Err() == nil {
		log.Fatal(err)
	}
}
