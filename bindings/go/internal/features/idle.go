package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"os/exec"
	"runtime"
	"time"

	"rpyc"
)

// release releases objects of a peer over connections that are otherwise idle, and checks over another connection that
// the peer frees them.
func release(ctx context.Context, addr string) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	dial := func(options ...rpyc.Option) *rpyc.Conn {
		conn, err := rpyc.Dial(ctx, addr, options...)
		if err != nil {
			log.Fatal(err)
		}
		return conn
	}
	watching, passed := dial(), 0
	defer watching.Close()
	ended := func() (n int) {
		value, err := watching.Root().CallMethod(ctx, "ended")
		if err == nil {
			n, err = rpyc.As[int](ctx, value)
		}
		if err != nil {
			log.Fatal(err)
		}
		return n
	}
	letGo := func(what string, conn *rpyc.Conn, free func(*rpyc.Object)) {
		before := ended()
		value, err := conn.Root().CallMethod(ctx, "make")
		if err != nil {
			log.Fatal(err)
		}
		free(value.(*rpyc.Object))
		value = nil
		for ended() == before {
			if ctx.Err() != nil {
				log.Fatalf("%s: the object does not end", what)
			}
			if what == "garbage" {
				runtime.GC()
			}
			time.Sleep(5 * time.Millisecond)
		}
		passed++
	}
	for _, option := range []string{"lazy", "now"} {
		conn := dial(rpyc.WithConfig("release", option))
		letGo("close", conn, func(thing *rpyc.Object) { thing.Close() })
		letGo("garbage", conn, func(*rpyc.Object) {})
		conn.Close()
	}
	fmt.Printf("%d passed, 0 failed\n", passed)
}

type noisy struct{}

// Noisy prints, also from a child process.
func (*noisy) Noisy() (int, error) {
	fmt.Println("from Println")
	println("from println")
	child := exec.Command("sh", "-c", "echo from a child; wc -c")
	child.Stdin, child.Stdout = os.Stdin, os.Stdout
	return 0, child.Run()
}

// Again reports whether a second call of Stdio fails.
func (*noisy) Again() bool {
	_, err := rpyc.Stdio()
	return err != nil
}

func stdio() {
	stream, err := rpyc.Stdio()
	if err != nil {
		log.Fatal(err)
	}
	if err := rpyc.NewServer(&noisy{}).ServeConn(stream); err != nil {
		log.Fatal(err)
	}
	fmt.Println("at the end")
}
