package rpyc_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"rpyc"
)

// Shelf returns objects.
type Shelf struct {
	book   Book
	conns  int32
	left   chan struct{}
	refuse bool
}

// Book is passed by reference.
type Book struct {
	title string
	pages int
}

func (*Book) DescribeRPyC(c *rpyc.Class) {
	c.Constructor("Book(title, pages=1)", func(title string, pages int) (*Book, error) {
		if pages < 1 {
			return nil, rpyc.Raise("ValueError", "a book has pages")
		}
		return &Book{title, pages}, nil
	})
	c.Property("pages", "Pages", "SetPages", nil)
	c.Method("__len__()", "Pages")
	c.Method("__iter__()", "Iter")
	c.Method("__eq__(other)", func(b, other *Book) bool { return *b == *other })
	c.Method("__enter__()", func(b *Book) *Book { return b })
	c.Method("__exit__(kind, value, traceback)", func(b *Book, kind, value, traceback any) bool { return kind != nil && b.pages == 1 })
}

func (b *Book) Title() string      { return b.title }
func (b *Book) Pages() int         { return b.pages }
func (b *Book) SetPages(pages int) { b.pages = pages }
func (b *Book) String() string     { return "book " + b.title }
func (b *Book) GoString() string   { return "Book(" + b.title + ")" }
func (b *Book) Self() *Book        { return b }

func (b *Book) Iter() *rpyc.Iterator {
	page := 0
	return rpyc.NewIterator(func() (any, error) {
		if page >= b.pages {
			return nil, io.EOF
		}
		page++
		return page, nil
	})
}

func (s *Shelf) Book() *Book                       { return &s.book }
func (s *Shelf) Class() (*rpyc.ClassObject, error) { return rpyc.ClassOf(&Book{}) }
func (s *Shelf) TitleOf(b *Book) string            { return b.title }
func (s *Shelf) IsClass(c any) bool                { _, ok := c.(*rpyc.ClassObject); return ok }
func (s *Shelf) Describe(ctx context.Context, obj *rpyc.Object) (string, error) {
	return obj.Str(ctx)
}

func (s *Shelf) OnConnect(conn *rpyc.Conn) error {
	if s.refuse {
		return errors.New("no more")
	}
	atomic.AddInt32(&s.conns, 1)
	return nil
}

func (s *Shelf) OnDisconnect(conn *rpyc.Conn) { close(s.left) }

func shelf(t *testing.T, opts ...rpyc.Option) (*rpyc.Conn, context.Context, *Shelf) {
	service := &Shelf{book: Book{"Go", 3}, left: make(chan struct{})}
	addr, _ := serve(t, service, opts...)
	return dial(t, addr), within(t), service
}

func TestObjects(t *testing.T) {
	conn, ctx, service := shelf(t, rpyc.WithConfig("allow_setattr", "true"))
	root := conn.Root()
	book := must[*rpyc.Object](t)(rpyc.Call[*rpyc.Object](ctx, root, "book"))
	again := must[*rpyc.Object](t)(rpyc.Call[*rpyc.Object](ctx, book, "self"))
	equal(t, book.Same(again), true)
	equal(t, book.Same(root), false)
	equal(t, book.TypeName(), "rpyc_test.Book")
	equal(t, fmt.Sprint(book), "<remote rpyc_test.Book>")
	equal(t, must[string](t)(book.Str(ctx)), "book Go")
	equal(t, must[string](t)(book.Repr(ctx)), "Book(Go)")
	equal(t, must[int](t)(book.Len(ctx)), 3)
	equal(t, must[bool](t)(book.Equal(ctx, again)), true)
	equal(t, must[int](t)(rpyc.Get[int](ctx, book, "pages")), 3)
	if err := rpyc.Set(ctx, book, "pages", 4); err != nil {
		t.Fatal(err)
	}
	equal(t, service.book.pages, 4)
	if err := rpyc.Set(ctx, book, "pages", "x"); !errors.Is(err, rpyc.Type("TypeError")) {
		t.Fatalf("got %v", err)
	}
	if err := book.Delete(ctx, "pages"); !errors.Is(err, rpyc.Type("AttributeError")) {
		t.Fatalf("got %v", err)
	}
	names := must[[]string](t)(book.Dir(ctx))
	equal(t, strings.Contains(strings.Join(names, " "), "exposed_title"), true)
	// A value that comes back is the original.
	equal(t, must[string](t)(rpyc.Call[string](ctx, root, "title_of", book)), "Go")
	if _, err := rpyc.Call[string](ctx, root, "title_of", root); !errors.Is(err, rpyc.Type("TypeError")) {
		t.Fatalf("got %v", err)
	}
	// A local object as the peer sees it.
	mine := &Book{"Mine", 1}
	equal(t, must[string](t)(rpyc.Call[string](ctx, root, "describe", mine)), "book Mine")
	if err := book.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := book.Str(ctx); !errors.Is(err, rpyc.ErrReleased) {
		t.Fatalf("got %v", err)
	}
	equal(t, must[string](t)(again.Str(ctx)), "book Go")
}

func TestClasses(t *testing.T) {
	conn, ctx, _ := shelf(t)
	class := must[*rpyc.Object](t)(rpyc.Call[*rpyc.Object](ctx, conn.Root(), "class"))
	equal(t, class.IsClass(), true)
	book := must[*rpyc.Object](t)(rpyc.Invoke[*rpyc.Object](ctx, class, "Rust", rpyc.Keywords{"pages": 9}))
	equal(t, must[int](t)(book.Len(ctx)), 9)
	equal(t, must[bool](t)(book.IsInstance(ctx, class)), true)
	equal(t, must[bool](t)(conn.Root().IsInstance(ctx, class)), false)
	equal(t, must[bool](t)(rpyc.Call[bool](ctx, conn.Root(), "is_class", class)), true)
	if _, err := rpyc.Invoke[any](ctx, class, "x", 0); !errors.Is(err, rpyc.Type("ValueError")) {
		t.Fatalf("got %v", err)
	}
	if _, err := book.IsInstance(ctx, book); !errors.Is(err, rpyc.ErrType) {
		t.Fatalf("got %v", err)
	}
}

func TestIteration(t *testing.T) {
	conn, ctx, service := shelf(t)
	service.book.pages = 25
	book := must[*rpyc.Object](t)(rpyc.Call[*rpyc.Object](ctx, conn.Root(), "book"))
	for _, items := range []*rpyc.Items[int]{rpyc.Iterate[int](ctx, book), rpyc.IterateChunks[int](ctx, book, 10)} {
		sum, count := 0, 0
		for items.Next() {
			sum += items.Value()
			count++
		}
		equal(t, items.Err(), nil)
		equal(t, []int{count, sum}, []int{25, 25 * 26 / 2})
	}
	wrong := rpyc.Iterate[string](ctx, book)
	equal(t, wrong.Next(), false)
	equal(t, errors.Is(wrong.Err(), rpyc.ErrType), true)
	none := rpyc.Iterate[int](ctx, conn.Root())
	equal(t, none.Next(), false)
	equal(t, errors.Is(none.Err(), rpyc.Type("AttributeError")), true)
	early := rpyc.Iterate[int](ctx, book)
	equal(t, early.Next(), true)
	early.Stop()
	equal(t, early.Next(), false)
	equal(t, len(must[[]int](t)(rpyc.Call[[]int](ctx, conn.Root(), "book"))), 25)
}

func TestWith(t *testing.T) {
	conn, ctx, service := shelf(t)
	book := must[*rpyc.Object](t)(rpyc.Call[*rpyc.Object](ctx, conn.Root(), "book"))
	failure := errors.New("inside")
	equal(t, book.With(ctx, func(any) error { return nil }), nil)
	equal(t, book.With(ctx, func(any) error { return failure }), failure)
	service.book.pages = 1
	equal(t, book.With(ctx, func(any) error { return failure }), nil) // suppressed
}

func TestCallbacks(t *testing.T) {
	conn, ctx := connect(t)
	root := conn.Root()
	double := func(n int) int { return 2 * n }
	equal(t, must[int](t)(rpyc.Call[int](ctx, root, "apply", double, 21)), 42)
	equal(t, must[int](t)(rpyc.Call[int](ctx, root, "apply", rpyc.Func("scale(n, by=3)", func(n, by int) int { return n * by }), 5)), 15)
	_, err := rpyc.Call[int](ctx, root, "apply", func(string) string { return "" }, 5)
	equal(t, err.Error(), "TypeError: function() argument 'arg1' must be str, not int")
	var depth func(n int) (int, error)
	depth = func(n int) (int, error) { return rpyc.Call[int](ctx, root, "nest", depth, n) }
	equal(t, must[int](t)(depth(50)), 50)
	// The peer's functions can also be received as Go functions.
	add := must[func(int, int) (int, error)](t)(rpyc.Get[func(int, int) (int, error)](ctx, root, "add"))
	equal(t, must[int](t)(add(1, 2)), 3)
}

func TestSerialCalls(t *testing.T) {
	service := newCalculator()
	addr, _ := serve(t, service, rpyc.WithSerial())
	conn, ctx := dial(t, addr), within(t)
	done := make(chan error, 10)
	for i := 0; i < cap(done); i++ {
		go func() {
			_, err := rpyc.Call[any](ctx, conn.Root(), "crowd", 5*time.Millisecond)
			done <- err
		}()
	}
	for i := 0; i < cap(done); i++ {
		equal(t, <-done, nil)
	}
	equal(t, atomic.LoadInt32(&service.together), int32(1))
	// Calls that call back give up their turn.
	var nest func(ctx context.Context, n int) (int, error)
	nest = func(_ context.Context, n int) (int, error) { return rpyc.Call[int](ctx, conn.Root(), "nest", nest, n) }
	equal(t, must[int](t)(nest(ctx, 20)), 20)
}

func TestOverlappingCalls(t *testing.T) {
	service := newCalculator()
	addr, _ := serve(t, service)
	conn, ctx := dial(t, addr), within(t)
	done := make(chan error, 2)
	for i := 0; i < cap(done); i++ {
		go func() {
			_, err := rpyc.Call[any](ctx, conn.Root(), "wait_for_two")
			done <- err
		}()
	}
	equal(t, <-done, nil)
	equal(t, <-done, nil)
}

// WaitForTwo returns when it runs twice at the same time.
func (c *Calculator) WaitForTwo(ctx context.Context) error {
	atomic.AddInt32(&c.running, 1)
	for atomic.LoadInt32(&c.running) < 2 {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Millisecond):
		}
	}
	return nil
}

func TestHooks(t *testing.T) {
	conn, ctx, service := shelf(t)
	if err := conn.Ping(ctx); err != nil {
		t.Fatal(err)
	}
	_ = must[any](t)(conn.Root().CallMethod(ctx, "book"))
	equal(t, atomic.LoadInt32(&service.conns), int32(1))
	conn.Close()
	<-service.left

	addr, _ := serve(t, &Shelf{refuse: true, left: make(chan struct{})})
	turned, err := rpyc.Dial(ctx, addr)
	if err == nil {
		_, err = turned.Root().CallMethod(ctx, "book")
		turned.Close()
	}
	if !errors.Is(err, rpyc.ErrClosed) {
		t.Fatalf("got %v", err)
	}
}

func TestAServiceForEachConnection(t *testing.T) {
	addr, _ := serve(t, func(conn *rpyc.Conn) (any, error) {
		return &Shelf{book: Book{"own", 1}, left: make(chan struct{})}, nil
	})
	ctx := within(t)
	one, two := dial(t, addr), dial(t, addr)
	first := must[*rpyc.Object](t)(rpyc.Call[*rpyc.Object](ctx, one.Root(), "book"))
	_ = must[any](t)(first.CallMethod(ctx, "set_pages_to", 5))
	equal(t, must[int](t)(first.Len(ctx)), 5)
	other := must[*rpyc.Object](t)(rpyc.Call[*rpyc.Object](ctx, two.Root(), "book"))
	equal(t, must[int](t)(other.Len(ctx)), 1)
}

// SetPagesTo is a method in addition to the property.
func (b *Book) SetPagesTo(pages int) { b.pages = pages }

// Both sides can offer a root.
func TestTheClientsRoot(t *testing.T) {
	addr, _ := serve(t, &asking{})
	conn := dial(t, addr, rpyc.WithService(newCalculator()))
	equal(t, must[int](t)(rpyc.Call[int](within(t), conn.Root(), "ask", 40)), 42)
}

type asking struct{}

func (*asking) Ask(ctx context.Context, n int) (int, error) {
	conn, _ := rpyc.ConnOf(ctx)
	return rpyc.Call[int](ctx, conn.Root(), "add", n)
}

func TestFaultyDescriptions(t *testing.T) {
	for _, service := range []any{&faulty{1}, nil, 5, Calculator{}, func() {}} {
		err := rpyc.NewServer(service).ListenAndServe(within(t), "tcp://127.0.0.1:0")
		if err == nil {
			t.Errorf("%T was taken as a service", service)
		}
	}
}

type faulty struct{ n int }

func (*faulty) DescribeRPyC(c *rpyc.Class) { c.Method("run(a, b)", func(*faulty, int) {}) }
