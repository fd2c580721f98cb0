package rpyc_test

import (
	"context"
	"fmt"
	"net"
	"testing"
	"time"

	"rpyc"
)

// unused returns an address at which nobody listens. Its port is below those that connections get, so that no connection
// of another test takes it, and none connects to itself.
func unused(t *testing.T) string {
	t.Helper()
	for {
		listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 15000+time.Now().UnixNano()%17000))
		if err == nil {
			listener.Close()
			return listener.Addr().String()
		}
	}
}

// A server that starts late is found, one that never starts is not waited for after the context has ended.
func TestConnectRetry(t *testing.T) {
	addr := unused(t)
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
