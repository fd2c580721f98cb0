package rpyc_test

import (
	"context"
	"net"
	"testing"
	"time"

	"rpyc"
)

// A server that starts late is found, one that never starts is not waited for after the context has ended.
func TestConnectRetry(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := listener.Addr().String()
	listener.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	if _, err := rpyc.Dial(ctx, "tcp://"+addr, rpyc.WithConfig("connect_retry", "60")); err == nil {
		t.Fatal("nobody listens")
	}
	serving, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		time.Sleep(200 * time.Millisecond)
		ended <- rpyc.NewServer(&quiet{}).ListenAndServe(serving, "tcp://"+addr)
	}()
	conn, err := rpyc.Dial(context.Background(), "tcp://"+addr, rpyc.WithConfig("connect_retry", "60"))
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
}
