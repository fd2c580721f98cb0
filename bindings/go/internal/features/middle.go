package main

import (
	"bufio"
	"context"
	"fmt"
	"log"
	"os"
	"strings"
	"time"

	"rpyc"
)

// middle is a service that passes on its owner's objects, for tests/run/clients/bridges_peer.py.
type middle struct{ owner *rpyc.Object }

// Ask returns the result of the owner's method with this name.
func (m *middle) Ask(ctx context.Context, args ...any) (any, error) {
	return m.owner.CallMethod(ctx, "ask", args...)
}

// passOn runs such a server until the end of standard input.
func passOn(ctx context.Context, rules, owner string, more []string) {
	options := []rpyc.Option{rpyc.WithTimeout(20 * time.Second)}
	if rules != "default" {
		all := map[string]string{"all": "allow_all_attrs", "public": "allow_public_attrs"}[rules]
		for _, name := range []string{all, "allow_setattr", "allow_delattr", "allow_pickle"} {
			options = append(options, rpyc.WithConfig(name, "true"))
		}
	}
	address := "tcp://127.0.0.1:0"
	if len(more) > 0 {
		address = more[0]
		for _, option := range more[1:] {
			name, value, _ := strings.Cut(option, "=")
			options = append(options, rpyc.WithConfig(name, value))
		}
	}
	conn, err := rpyc.Dial(ctx, owner, options...)
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	listener, err := rpyc.Listen(ctx, address)
	if err != nil {
		log.Fatal(err)
	}
	server := rpyc.NewServer(&middle{conn.Root()}, options...)
	ctx, cancel := context.WithCancel(ctx)
	fmt.Printf("listening %s://%s\n", listener.Addr().Network(), listener.Addr())
	go func() {
		_, _ = bufio.NewReader(os.Stdin).ReadString(0)
		cancel()
	}()
	if err := server.Serve(ctx, listener); err != nil {
		log.Print(err)
	}
}
