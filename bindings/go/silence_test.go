package rpyc_test

import (
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"rpyc"
)

// A ping of rpyc 6 with three bytes.
var ping = []byte("\x00\x00\x00\x0f\x00\x01\x11\x50\x11\x51\x11\x52\x10\x11\x51\x0e\x03xxx\n")

func raw(t *testing.T, addr string) net.Conn {
	stream := must[net.Conn](t)(net.Dial("tcp", strings.TrimPrefix(addr, "tcp://")))
	t.Cleanup(func() { stream.Close() })
	stream.SetDeadline(time.Now().Add(20 * time.Second))
	return stream
}

// speaks sends a message and reads the reply.
func speaks(t *testing.T, stream net.Conn) {
	t.Helper()
	stream.Write(ping)
	head := make([]byte, 5)
	if _, err := io.ReadFull(stream, head); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(stream, make([]byte, int(head[3])+1)); err != nil {
		t.Fatal(err)
	}
}

func ends(t *testing.T, stream net.Conn) {
	t.Helper()
	if _, err := io.Copy(io.Discard, stream); err != nil && strings.Contains(err.Error(), "timeout") {
		t.Fatal("the connection is still there")
	}
}

func isOpen(stream net.Conn, wait time.Duration) bool {
	stream.SetReadDeadline(time.Now().Add(wait))
	_, err := stream.Read(make([]byte, 1))
	stream.SetReadDeadline(time.Now().Add(20 * time.Second))
	return err != nil && strings.Contains(err.Error(), "timeout")
}

type quiet struct{}

func (*quiet) Slow(milliseconds int) int {
	time.Sleep(time.Duration(milliseconds) * time.Millisecond)
	return milliseconds
}

// A message that has begun must continue, or its connection is closed.
func TestMessagesThatDoNotGoOn(t *testing.T) {
	addr, _ := serve(t, &quiet{}, rpyc.WithConfig("handshake_timeout", "1"), rpyc.WithConfig("frame_timeout", "2"))
	first := raw(t, addr)
	if !isOpen(first, 2*time.Second) {
		t.Fatal("a peer that has said nothing was closed")
	}
	first.Write(ping[:9])
	ends(t, first)
	second := raw(t, addr)
	speaks(t, second)
	if !isOpen(second, 3*time.Second) {
		t.Fatal("a peer that has said all was closed")
	}
	second.Write(ping[:9])
	ends(t, second)
}

func TestIdleConnections(t *testing.T) {
	addr, _ := serve(t, &quiet{}, rpyc.WithConfig("idle_timeout", "2"), rpyc.WithConfig("first_message_timeout", "2"))
	ends(t, raw(t, addr))
	conn := dial(t, addr)
	if n := must[int](t)(rpyc.Call[int](context.Background(), conn.Root(), "slow", 3000)); n != 3000 {
		t.Fatal(n)
	}
	select {
	case <-conn.Done():
	case <-time.After(20 * time.Second):
		t.Fatal("an idle connection stays")
	}
}

// Connections that send nothing are closed for new ones.
func TestSilentConnectionsMakeRoom(t *testing.T) {
	addr, _ := serve(t, &quiet{}, rpyc.WithConfig("max_connections", "2"))
	spoken := raw(t, addr)
	speaks(t, spoken)
	silent := raw(t, addr)
	if !isOpen(silent, 200*time.Millisecond) {
		t.Fatal("a second connection was closed")
	}
	fresh := raw(t, addr)
	speaks(t, fresh)
	ends(t, silent)
	ends(t, raw(t, addr))
	speaks(t, spoken)
	speaks(t, fresh)
}

func TestConnectionsOfOneAddress(t *testing.T) {
	addr, _ := serve(t, &quiet{}, rpyc.WithConfig("max_connections_per_address", "2"))
	two := []net.Conn{raw(t, addr), raw(t, addr)}
	for _, one := range two {
		speaks(t, one)
	}
	ends(t, raw(t, addr))
	for _, one := range two {
		speaks(t, one)
	}
}
