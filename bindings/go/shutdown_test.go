package rpyc_test

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"time"

	"rpyc"
)

type shut struct {
	started chan struct{}
	release chan struct{}
	ended   chan error
}

func (s *shut) Held() int {
	s.started <- struct{}{}
	<-s.release
	return 7
}

func (s *shut) Endless(ctx context.Context) error {
	s.started <- struct{}{}
	<-ctx.Done()
	s.ended <- ctx.Err()
	return ctx.Err()
}

// shutting starts a server that is shut down, and returns what its Serve will return.
func shutting(t *testing.T, service any, opts ...rpyc.Option) (server *rpyc.Server, addr string, served chan error) {
	t.Helper()
	listener := must[net.Listener](t)(rpyc.Listen(context.Background(), "tcp://127.0.0.1:0"))
	server, served = rpyc.NewServer(service, opts...), make(chan error, 1)
	go func() { served <- server.Serve(context.Background(), listener) }()
	return server, "tcp://" + listener.Addr().String(), served
}

func TestShutdownAnswersWhatWasReceived(t *testing.T) {
	service := &shut{started: make(chan struct{}, 20), release: make(chan struct{})}
	server, addr, served := shutting(t, service)
	ctx := context.Background()
	conn := must[*rpyc.Conn](t)(rpyc.Dial(ctx, addr))
	defer conn.Close()
	root := conn.Root()
	var calls sync.WaitGroup
	for i := 0; i < 20; i++ {
		calls.Add(1)
		go func() {
			defer calls.Done()
			if n, err := rpyc.Call[int](ctx, root, "held"); n != 7 || err != nil {
				t.Errorf("held: %v, %v", n, err)
			}
		}()
	}
	for i := 0; i < 20; i++ {
		<-service.started
	}
	shut := make(chan error, 1)
	go func() { shut <- server.Shutdown(ctx) }()
	select {
	case err := <-shut:
		t.Fatalf("calls are running, and Shutdown has returned %v", err)
	case <-time.After(500 * time.Millisecond):
	}
	close(service.release)
	calls.Wait()
	if err := <-shut; err != nil {
		t.Error(err)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
	if err := conn.Ping(ctx); !errors.Is(err, rpyc.ErrClosed) {
		t.Errorf("a ping after the end: %v", err)
	}
	if _, err := rpyc.Dial(ctx, addr); err == nil {
		t.Error("it accepts connections after the end")
	}
	if err := server.ListenAndServe(ctx, "tcp://127.0.0.1:0"); !errors.Is(err, rpyc.ErrClosed) {
		t.Errorf("it serves again: %v", err)
	}
	if err := server.Shutdown(ctx); err != nil {
		t.Errorf("a second time: %v", err)
	}
}

func TestShutdownCutsAtTheDeadline(t *testing.T) {
	service := &shut{started: make(chan struct{}, 1), ended: make(chan error, 1)}
	server, addr, served := shutting(t, service)
	conn := must[*rpyc.Conn](t)(rpyc.Dial(context.Background(), addr))
	defer conn.Close()
	called := make(chan error, 1)
	root := conn.Root()
	go func() {
		_, err := root.CallMethod(context.Background(), "endless")
		called <- err
	}()
	<-service.started
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	if err := server.Shutdown(ctx); err != context.DeadlineExceeded {
		t.Errorf("Shutdown: %v", err)
	}
	if err := <-called; !errors.Is(err, rpyc.ErrClosed) {
		t.Errorf("the caller: %v", err)
	}
	if err := <-service.ended; err != context.Canceled {
		t.Errorf("the call: %v", err)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
}

func TestShutdownWaitsForTheRestOfAMessage(t *testing.T) {
	server, addr, served := shutting(t, &shut{})
	stream := raw(t, addr)
	speaks(t, stream)
	stream.Write(ping[:7])
	time.Sleep(time.Second) // until the server has read it, on a busy machine too
	shut := make(chan error, 1)
	go func() { shut <- server.Shutdown(context.Background()) }()
	select {
	case err := <-shut:
		t.Fatalf("a message has begun, and Shutdown has returned %v", err)
	case <-time.After(500 * time.Millisecond):
	}
	stream.Write(ping[7:])
	if _, err := stream.Read(make([]byte, 1)); err != nil {
		t.Errorf("its reply: %v", err)
	}
	ends(t, stream)
	if err := <-shut; err != nil {
		t.Error(err)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
}

func TestShutdownWaitsForAuthentications(t *testing.T) {
	reading := make(chan struct{})
	server, addr, served := shutting(t, &shut{}, rpyc.WithAuthenticator(func(stream net.Conn, server bool) (any, error) {
		close(reading)
		_, err := stream.Read(make([]byte, 1))
		return nil, err
	}))
	stream := raw(t, addr)
	<-reading
	shut := make(chan error, 1)
	go func() { shut <- server.Shutdown(context.Background()) }()
	select {
	case err := <-shut:
		t.Fatalf("an authentication goes on, and Shutdown has returned %v", err)
	case <-time.After(300 * time.Millisecond):
	}
	stream.Write(append([]byte("x"), ping...))
	if _, err := stream.Read(make([]byte, 1)); err != nil {
		t.Errorf("the reply to its ping: %v", err)
	}
	ends(t, stream)
	if err := <-shut; err != nil {
		t.Error(err)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
}
