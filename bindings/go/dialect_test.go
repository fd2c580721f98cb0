package rpyc_test

import (
	"bytes"
	"compress/zlib"
	"context"
	"errors"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"rpyc"
)

// counted is a service that counts its notifications of connections.
type counted struct{ connected, disconnected atomic.Int32 }

func (c *counted) OnConnect(*rpyc.Conn) error { c.connected.Add(1); return nil }
func (c *counted) OnDisconnect(*rpyc.Conn)    { c.disconnected.Add(1) }

// heardBy accepts a connection and reads a request, whose first byte identifies the dialect.
func heardBy(t *testing.T, listener net.Listener) (net.Conn, byte) {
	t.Helper()
	stream, err := listener.Accept()
	if err != nil {
		t.Error(err)
		return nil, 0
	}
	// A stream that nothing refers to any more is closed by the garbage collector.
	t.Cleanup(func() { stream.Close() })
	var first [6]byte
	if _, err := io.ReadFull(stream, first[:]); err != nil {
		t.Error(err)
	}
	return stream, first[5]
}

// rootIn replies to GETROOT with an int. It is not a root, but it is a reply.
func rootIn(dialect int) []byte {
	if dialect == 5 {
		return []byte("\x00\x00\x00\x06\x00\x12\x52\x50\x11\x51\x57\n")
	}
	return []byte("\x00\x00\x00\x06\x00\x02\x11\x50\x11\x51\x57\n")
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	return listener
}

// The connection on which a reply arrives is kept. The other one is closed without a message.
func TestDialectBesideASilentOne(t *testing.T) {
	for _, dialect := range []int{5, 6} {
		listener := listen(t)
		ended := make(chan int, 1)
		go func() {
			six, byte6 := heardBy(t, listener)
			five, byte5 := heardBy(t, listener)
			if byte6 != 1 && byte6 != 2 || byte5 != 0x12 {
				t.Errorf("it was asked with %#x and %#x", byte6, byte5)
			}
			winner, loser := six, five
			if dialect == 5 {
				winner, loser = five, six
			}
			winner.Write(rootIn(dialect))
			rest, _ := io.ReadAll(loser)
			ended <- bytes.Count(rest, []byte("\x11\x52\x11\x51\x02")) // CLOSE
		}()
		service := &counted{}
		conn, err := rpyc.Dial(within(t), "tcp://"+listener.Addr().String(), rpyc.WithService(service))
		if err != nil {
			t.Fatal(err)
		}
		if told := <-ended; told != 0 {
			t.Errorf("the connection that lost was closed with a message")
		}
		if service.connected.Load() != 1 || service.disconnected.Load() != 0 {
			t.Errorf("the service saw %d connections", service.connected.Load())
		}
		conn.Close()
	}
}

// A server for one connection shows its dialect, and the error names the remedy.
func TestDialectOfAServerForOneConnection(t *testing.T) {
	listener := listen(t)
	go func() {
		stream, _ := heardBy(t, listener)
		listener.Close()
		stream.Write([]byte("\x00\x00\x00\x08\x00\x12\x51\x50\x11\x52\x11\x51\x02\n"))
		stream.Close()
	}()
	service := &counted{}
	_, err := rpyc.Dial(within(t), "tcp://"+listener.Addr().String(), rpyc.WithService(service))
	if !errors.Is(err, rpyc.ErrDialect) || service.connected.Load() != 0 {
		t.Fatalf("it gives %v", err)
	}
	want := `WithConfig("dialect", "5")`
	if !bytes.Contains([]byte(err.Error()), []byte(want)) {
		t.Errorf("the error does not say %s: %v", want, err)
	}
}

// The context ends both attempts.
func TestDialectNobodyAnswers(t *testing.T) {
	listener := listen(t)
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if _, err := rpyc.Dial(ctx, "tcp://"+listener.Addr().String()); !errors.Is(err, rpyc.ErrTimeout) || !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("it gives %v", err)
	}
}

// If a second connection cannot be made, it is tried again. That failure has no effect on the first connection.
func TestDialectOfASecondConnectionThatFails(t *testing.T) {
	for _, dialect := range []int{5, 6} {
		listener := listen(t)
		var dialled, refused atomic.Int32
		dial := func(ctx context.Context, network, address string) (net.Conn, error) {
			if count := dialled.Add(1); count > 1 && (count < 4 || dialect == 6) {
				refused.Add(1)
				return nil, errors.New("there is no room")
			}
			return new(net.Dialer).DialContext(ctx, network, address)
		}
		go func() {
			six, _ := heardBy(t, listener)
			if dialect == 5 {
				five, first := heardBy(t, listener)
				if first != 0x12 {
					t.Errorf("it was asked with %#x", first)
				}
				five.Write(rootIn(5))
				return
			}
			for refused.Load() < 2 {
				time.Sleep(time.Millisecond)
			}
			six.Write(rootIn(6))
		}()
		conn, err := rpyc.Dial(within(t), "tcp://"+listener.Addr().String(), rpyc.WithDialer(dial))
		if err != nil {
			t.Fatal(err)
		}
		equal(t, refused.Load(), int32(2))
		conn.Close()
	}
	// If the first connection ends, that is the error, not the failure to make a second one.
	listener := listen(t)
	var dialled atomic.Int32
	dial := func(ctx context.Context, network, address string) (net.Conn, error) {
		if dialled.Add(1) > 1 {
			return nil, errors.New("there is no room")
		}
		return new(net.Dialer).DialContext(ctx, network, address)
	}
	go func() {
		stream, _ := heardBy(t, listener)
		for dialled.Load() < 2 {
			time.Sleep(time.Millisecond)
		}
		time.Sleep(10 * time.Millisecond)
		stream.Close()
	}()
	if _, err := rpyc.Dial(within(t), "tcp://"+listener.Addr().String(), rpyc.WithDialer(dial)); !errors.Is(err, rpyc.ErrClosed) {
		t.Fatalf("it gives %v", err)
	}
}

// The server sends the first message, and it is compressed.
func TestDialectOfACompressedFirstMessage(t *testing.T) {
	var body bytes.Buffer
	writer := zlib.NewWriter(&body)
	writer.Write([]byte("\x12\x51\x50\x11\x51\x11\x51\x10\x57")) // PING
	writer.Close()
	listener := listen(t)
	go func() {
		for range [2]int{} {
			stream, first := heardBy(t, listener)
			if stream == nil {
				return
			}
			stream.Write(append([]byte{0, 0, 0, byte(body.Len()), 1}, append(body.Bytes(), '\n')...))
			if first == 0x12 {
				stream.Write(rootIn(5))
				return
			}
			stream.Close()
		}
	}()
	conn, err := rpyc.Dial(within(t), "tcp://"+listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
}
