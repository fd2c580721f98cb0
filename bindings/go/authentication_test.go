package rpyc_test

import (
	"context"
	"errors"
	"io"
	"net"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"rpyc"
)

type whoService struct{}

func (*whoService) Who(ctx context.Context) any {
	conn, _ := rpyc.ConnOf(ctx)
	return conn.Credentials()
}

var secret = []byte("sixteen letters.")

// serveWho serves with these options until the test ends, and returns the address and the server.
func serveWho(t *testing.T, addr string, opts ...rpyc.Option) (string, *rpyc.Server) {
	t.Helper()
	server := rpyc.NewServer(&whoService{}, opts...)
	ctx, cancel := context.WithCancel(context.Background())
	listener, err := rpyc.Listen(ctx, addr)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() { done <- server.Serve(ctx, listener) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	if addr == "tcp://127.0.0.1:0" {
		addr = "tcp://" + listener.Addr().String()
	}
	return addr, server
}

func TestSecret(t *testing.T) {
	addr, server := serveWho(t, "tcp://127.0.0.1:0", rpyc.WithSecret(secret))
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	conn, err := rpyc.Dial(ctx, addr, rpyc.WithSecret(secret))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if d, ok := conn.Credentials().(rpyc.Dict); !ok || len(d) != 1 || d[0].Value != "secret" {
		t.Fatalf("credentials: %v", conn.Credentials())
	}
	for _, opts := range [][]rpyc.Option{{rpyc.WithSecret([]byte("letters sixteen."))}, {rpyc.WithSecret([]byte("short"))}} {
		if _, err := rpyc.Dial(ctx, addr, opts...); !errors.Is(err, rpyc.ErrAuthentication) {
			t.Fatalf("%v", err)
		}
	}
	if _, err := rpyc.Dial(ctx, addr); !errors.Is(err, rpyc.ErrClosed) {
		t.Fatalf("without a secret: %v", err)
	}
	for server.AuthenticationFailures() < 3 {
		time.Sleep(5 * time.Millisecond)
	}
}

func TestAuthenticator(t *testing.T) {
	word := func(stream net.Conn, server bool) (any, error) {
		read := make([]byte, 5)
		if _, err := io.ReadFull(stream, read); err != nil {
			return nil, err
		}
		switch string(read) {
		case "Ma6ik":
			_, err := stream.Write([]byte("ok"))
			return "Ann", err
		case "panic":
			panic("at a wrong word")
		}
		return nil, errors.New("wrong magic word")
	}
	addr, server := serveWho(t, "tcp://127.0.0.1:0", rpyc.WithAuthenticator(word), rpyc.WithConfig("handshake_timeout", "0.5"))
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	with := func(word string) (*rpyc.Conn, error) {
		return rpyc.Dial(ctx, addr, rpyc.WithAuthenticator(func(stream net.Conn, server bool) (any, error) {
			io.WriteString(stream, word)
			_, err := io.ReadFull(stream, make([]byte, 2))
			return "the server", err
		}))
	}
	conn, err := with("Ma6ik")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if who, err := rpyc.Call[string](ctx, conn.Root(), "who"); err != nil || who != "Ann" || conn.Credentials() != "the server" {
		t.Fatalf("%q, %v, %v", who, err, conn.Credentials())
	}
	// The last one sends too little, and is ended in time.
	for _, word := range []string{"Magic", "panic", "Ma"} {
		if _, err := with(word); !errors.Is(err, rpyc.ErrAuthentication) {
			t.Fatalf("%s: %v", word, err)
		}
	}
	for server.AuthenticationFailures() < 3 {
		time.Sleep(5 * time.Millisecond)
	}
	// A server that never answers: the context ends it.
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	short, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
	defer cancel()
	if _, err := rpyc.Dial(short, "tcp://"+listener.Addr().String(), rpyc.WithSecret(secret)); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
}

// An unauthenticated peer is closed for a new one, and by the end of the server.
func TestUnauthenticatedPeersMakeRoom(t *testing.T) {
	addr, _ := serveWho(t, "tcp://127.0.0.1:0", rpyc.WithSecret(secret), rpyc.WithConfig("max_connections", "1"))
	silent := raw(t, addr)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	conn, err := rpyc.Dial(ctx, addr, rpyc.WithSecret(secret))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	ends(t, silent)
}

func TestUnixPeers(t *testing.T) {
	uid := uint32(syscall.Geteuid())
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	for _, allowed := range []uint32{uid, uid + 1} {
		addr := "unix://" + filepath.Join(t.TempDir(), "s")
		serveWho(t, addr, rpyc.WithUnixPeers([]uint32{allowed}, nil))
		conn, err := rpyc.Dial(ctx, addr)
		if allowed != uid {
			if !errors.Is(err, rpyc.ErrClosed) {
				t.Fatalf("another user: %v", err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		conn.Close()
	}
	addr, _ := serveWho(t, "tcp://127.0.0.1:0", rpyc.WithUnixPeers([]uint32{uid}, nil))
	if _, err := rpyc.Dial(ctx, addr); !errors.Is(err, rpyc.ErrClosed) {
		t.Fatalf("over TCP: %v", err)
	}
}
