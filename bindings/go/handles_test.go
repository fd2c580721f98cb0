package rpyc

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"
)

// lender returns objects and takes functions.
type lender struct{ n int }

func (*lender) Lend() *lender                              { return &lender{1} }
func (*lender) Take(f func(int) (int, error)) (int, error) { return f(1) }
func (l *lender) Keep(any)                                 { l.n++ }

// Both sides drop their exported objects when the other side releases them.
func TestNoHandleStays(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	listener, err := Listen(ctx, "tcp://127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := NewServer(&lender{})
	go server.Serve(ctx, listener)
	client, err := Dial(ctx, "tcp://"+listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for i := 0; i < 200; i++ {
		object, err := Call[*Object](ctx, client.Root(), "lend")
		if err != nil {
			t.Fatal(err)
		}
		if i%2 == 0 {
			object.Close()
		}
		if _, err := Call[int](ctx, client.Root(), "take", func(n int) int { return n }); err != nil {
			t.Fatal(err)
		}
		if _, err := Call[any](ctx, client.Root(), "keep", &lender{i}); err != nil {
			t.Fatal(err)
		}
	}
	held := func(c *conn) (int, int, int) {
		c.mu.Lock()
		defer c.mu.Unlock()
		return len(c.locals), len(c.byValue), len(c.pending)
	}
	theirs := server.Conns()[0].conn
	deadline := time.Now().Add(30 * time.Second)
	for {
		runtime.GC() // releases objects that were not closed
		if err := client.Ping(ctx); err != nil {
			t.Fatal(err)
		}
		ours, byValue, pending := held(client.conn)
		lent, _, _ := held(theirs)
		// Only the server's root remains.
		if ours == 0 && byValue == 0 && pending == 0 && lent == 1 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("we still lend %d (%d), wait for %d; the server lends %d", ours, byValue, pending, lent)
		}
		time.Sleep(10 * time.Millisecond)
	}
	_ = client.Close()
	if ours, byValue, pending := held(client.conn); ours+byValue+pending != 0 || client.conn.core != nil {
		t.Fatal("the session is still there after the end")
	}
}

// showing exports objects that are made for each use: views, methods that are read, lists, files, objects of another
// connection.
type showing struct{ other *Conn }

func (*showing) View() *View     { return Restricted(&lender{}, []string{"keep"}, nil) }
func (*showing) List() *LiveList { return NewLiveList(1, []int{2}) }
func (*showing) File() *File     { return NewTextFile(strings.NewReader("x")) }
func (s *showing) Other(ctx context.Context) (any, error) {
	return s.other.Root().CallMethod(ctx, "lend")
}
func (*showing) Sum(numbers []int) int { return len(numbers) }

// No object that is made for one use remains after it.
func TestNothingMadeForAMomentStays(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	listen := func(service any) (*Server, string) {
		listener, err := Listen(ctx, "tcp://127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		server := NewServer(service)
		go server.Serve(ctx, listener)
		return server, "tcp://" + listener.Addr().String()
	}
	connect := func(addr string) *Conn {
		conn, err := Dial(ctx, addr)
		if err != nil {
			t.Fatal(err)
		}
		return conn
	}
	behind, addr := listen(&lender{})
	other := connect(addr)
	defer other.Close()
	server, addr := listen(&showing{other})
	client := connect(addr)
	defer client.Close()
	for i := 0; i < 100; i++ {
		for name, use := range map[string]func(*Object) error{
			"view":  func(o *Object) error { _, err := Call[any](ctx, o, "keep", i); return err },
			"list":  func(o *Object) error { _, err := Call[any](ctx, o, "append", []int{i}); return err },
			"file":  func(o *Object) error { _, err := Call[string](ctx, o, "read"); return err },
			"other": func(o *Object) error { _, err := Call[any](ctx, o, "keep", i); return err },
		} {
			object, err := Call[*Object](ctx, client.Root(), name)
			if err == nil {
				err = use(object)
				object.Close()
			}
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		if _, err := client.Request(ctx, 8, client.Root(), "sum", Tuple{NewLiveList(i)}, Tuple{}); err != nil {
			t.Fatal(err)
		}
		if _, err := Async[int](ctx, client.Root(), "sum", []int{i}).Result(); err != nil {
			t.Fatal(err)
		}
	}
	count := func(c *conn) int {
		c.mu.Lock()
		defer c.mu.Unlock()
		return len(c.locals) + len(c.pending)
	}
	deadline := time.Now().Add(30 * time.Second)
	for {
		runtime.GC()
		for _, c := range []*Conn{client, other} {
			if err := c.Ping(ctx); err != nil {
				t.Fatal(err)
			}
		}
		// The root of each server stays exported.
		counts := []int{count(client.conn), count(server.Conns()[0].conn), count(behind.Conns()[0].conn)}
		if fmt.Sprint(counts) == "[0 1 1]" {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("still lent: %v", counts)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// A connection that ends frees the handles of values that are being sent. The encoder must not free them again.
func TestEndDuringEncoding(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	listener, err := Listen(ctx, "tcp://127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go NewServer(&lender{}).Serve(ctx, listener)
	client, err := Dial(ctx, "tcp://"+listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	e := encoder{conn: client.conn}
	if err := e.put(Tuple{func() {}, func(int) {}}); err != nil {
		t.Fatal(err)
	}
	for _, own := range e.locals {
		if own.handle == 0 {
			t.Fatal("there is no handle to be freed")
		}
	}
	_ = client.Close()
	client.conn.mu.Lock()
	for _, own := range e.locals {
		if own.handle != 0 {
			t.Error("the handle would be freed twice")
		}
	}
	client.conn.mu.Unlock()
	if !t.Failed() {
		e.done()
	}
}

func TestNames(t *testing.T) {
	for name, want := range map[string]string{"Add": "add", "GetServiceName": "get_service_name", "HTTPPort": "http_port",
		"ID": "id", "UserID": "user_id", "X2Y": "x2_y", "Été": "été", "A": "a"} {
		if got := snakeCase(name); got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
}

func TestSignatures(t *testing.T) {
	sig, err := parseSignature(`f(a, b: "x, y" = (1, 2), /, *rest, c='),(', **named) -> int`)
	if err != nil {
		t.Fatal(err)
	}
	want := []param{{"a", paramPlain, ""}, {"b", paramPlain, "(1, 2)"}, {"rest", paramRest, ""}, {"c", paramPlain, "'),('"},
		{"named", paramNamed, ""}}
	if sig.name != "f" || len(sig.params) != len(want) {
		t.Fatalf("got %+v", sig)
	}
	for i := range want {
		if sig.params[i] != want[i] {
			t.Errorf("got %+v, want %+v", sig.params[i], want[i])
		}
	}
	for _, text := range []string{"", "f", "(a)", "f("} {
		if _, err := parseSignature(text); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
}

func TestArgumentsOfConstructors(t *testing.T) {
	sig, err := parseSignature("make(a, b=2, *rest, c='x', **named)")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args     Tuple
		keywords Dict
		want     string
	}{
		{Tuple{1}, nil, "[1 2 [] x []]"},
		{Tuple{1, 3, 4, 5}, Dict{{"c", 6}, {"d", 7}}, "[1 3 [4 5] 6 [{d 7}]]"},
		{nil, Dict{{"a", 1}, {"b", 9}}, "[1 9 [] x []]"},
		{nil, nil, "TypeError: make() missing 1 required positional argument: 'a'"},
		{Tuple{1}, Dict{{"a", 2}}, "TypeError: make() got multiple values for argument 'a'"},
	} {
		got, err := sig.bind(c.args, c.keywords)
		text := fmt.Sprint(got)
		if err != nil {
			text = err.Error()
		}
		if text != c.want {
			t.Errorf("got %s, want %s", text, c.want)
		}
	}
}
