// Command server offers the service of tests/peers/contract.md: server ADDRESS [NAME=VALUE]...
//
// The first line that it prints says "listening ADDRESS", with the real port. It ends on SIGTERM and SIGINT.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"rpyc"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	if len(os.Args) < 2 {
		return fmt.Errorf("usage: server ADDRESS [NAME=VALUE]")
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	options := []rpyc.Option{rpyc.WithConfig("allow_setattr", "true"), rpyc.WithConfig("allow_delattr", "true")}
	for _, setting := range os.Args[2:] {
		name, value, _ := strings.Cut(setting, "=")
		if name == "serial" {
			options = append(options, rpyc.WithSerial())
			continue
		}
		options = append(options, rpyc.WithConfig(name, value))
	}
	listener, err := rpyc.Listen(ctx, os.Args[1])
	if err != nil {
		return err
	}
	fmt.Printf("listening %s://%s\n", listener.Addr().Network(), listener.Addr())
	return rpyc.NewServer(newRoot, options...).Serve(ctx, listener)
}
