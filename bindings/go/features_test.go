package rpyc_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/big"
	"strings"
	"sync"
	"testing"

	"rpyc"
)

// Raw requests can carry every kind of value.
func TestRawRequests(t *testing.T) {
	conn, ctx := connect(t)
	const callAttr = 8
	list := rpyc.NewLiveList(1)
	mine := &Book{"mine", 1}
	large := new(big.Int).Lsh(big.NewInt(1), 100)
	for _, value := range []any{nil, true, false, int64(5), large, 1.5, complex(1, 2), "text", "", []byte("b"), rpyc.Tuple{int64(1), rpyc.Tuple{}},
		rpyc.Slice{Start: int64(1)}, rpyc.Ellipsis, rpyc.NotImplemented, rpyc.FrozenSet{int64(1)}, list, mine} {
		got, err := conn.Request(ctx, callAttr, conn.Root(), "echo", rpyc.Tuple{value}, rpyc.Tuple{})
		if err != nil {
			t.Errorf("%v: %v", value, err)
			continue
		}
		equal(t, got, value)
	}
	for value, want := range map[any]string{&[]int{1, 2}: "*rpyc.Object", &map[string]int{"a": 1}: "*rpyc.Object", new(func()): "<nil>"} {
		got := must[any](t)(conn.Request(ctx, callAttr, conn.Root(), "type_of", rpyc.Tuple{value}, rpyc.Tuple{}))
		equal(t, got, want)
	}
	for _, err := range []error{second(conn.Request(ctx, callAttr, make(chan int))), second(conn.Request(ctx, 1<<40))} {
		if !errors.Is(err, rpyc.ErrType) && !errors.Is(err, rpyc.ErrRange) {
			t.Errorf("got %v", err)
		}
	}
	if err := second(conn.Request(ctx, callAttr, rpyc.FrozenSet{[]int{1}})); err == nil {
		t.Error("a frozenset of lists was sent")
	}
	if err := second(conn.Request(ctx, 77)); !errors.Is(err, rpyc.Type("KeyError")) {
		t.Errorf("got %v", err)
	}
	equal(t, conn.Ping(ctx), nil)
}

// Futures are sent in the order in which they were started.
func TestFuturesKeepTheirOrder(t *testing.T) {
	seen := &witness{}
	addr, _ := serve(t, seen, rpyc.WithSerial())
	conn, ctx := dial(t, addr), within(t)
	var futures []*rpyc.Future[int]
	for i := 0; i < 200; i++ {
		futures = append(futures, rpyc.Async[int](ctx, conn.Root(), "note", i))
	}
	for i, future := range futures {
		equal(t, must[int](t)(future.Result()), i)
		<-future.Done()
	}
	for i, number := range seen.numbers {
		equal(t, number, i)
	}
	note := must[*rpyc.Object](t)(rpyc.Get[*rpyc.Object](ctx, conn.Root(), "note"))
	if err := second(rpyc.AsyncInvoke[int](ctx, note, "x").Result()); !errors.Is(err, rpyc.Type("TypeError")) {
		t.Errorf("got %v", err)
	}
	if err := second(rpyc.AsyncInvoke[string](ctx, note, 1).Result()); !errors.Is(err, rpyc.ErrType) {
		t.Errorf("got %v", err)
	}
	// A serial call that waits for futures lets the calls that they make run.
	equal(t, must[int](t)(rpyc.Call[int](ctx, conn.Root(), "fan", func(n int) (int, error) {
		return rpyc.Call[int](ctx, conn.Root(), "note", n)
	})), 6)
}

type witness struct{ numbers []int }

func (w *witness) Note(n int) int {
	w.numbers = append(w.numbers, n)
	return n
}

// Fan calls a function three times at once.
func (w *witness) Fan(ctx context.Context, f *rpyc.Object) (sum int, err error) {
	var futures []*rpyc.Future[int]
	for i := 1; i <= 3; i++ {
		futures = append(futures, rpyc.AsyncInvoke[int](ctx, f, i))
	}
	for _, future := range futures {
		n, err := future.Result()
		if err != nil {
			return 0, err
		}
		sum += n
	}
	return sum, nil
}

func TestLiveContainersAtOnce(t *testing.T) {
	list := rpyc.NewLiveList()
	dict := must[*rpyc.LiveDict](t)(rpyc.NewLiveDict())
	addr, _ := serve(t, &containers{list, dict})
	ctx := within(t)
	var all sync.WaitGroup
	for n := 0; n < 4; n++ {
		conn := dial(t, addr)
		items := must[*rpyc.Object](t)(rpyc.Call[*rpyc.Object](ctx, conn.Root(), "list"))
		entries := must[*rpyc.Object](t)(rpyc.Call[*rpyc.Object](ctx, conn.Root(), "dict"))
		all.Add(2)
		go func(n int) {
			defer all.Done()
			for i := 0; i < 50; i++ {
				if err := second(items.CallMethod(ctx, "append", n)); err != nil {
					t.Error(err)
				}
				if err := entries.SetItem(ctx, rpyc.Tuple{n, i}, i); err != nil {
					t.Error(err)
				}
			}
		}(n)
		go func() {
			defer all.Done()
			for i := 0; i < 50; i++ {
				list.Append(-1)
				list.Update(func(items []any) []any { return items })
				_, _ = list.Items(), dict.Entries()
				dict.Delete("nothing")
			}
		}()
	}
	all.Wait()
	equal(t, []int{list.Len(), dict.Len()}, []int{400, 200})
	conn := dial(t, addr)
	equal(t, must[bool](t)(rpyc.Call[bool](ctx, conn.Root(), "are_home", must[any](t)(conn.Root().CallMethod(ctx, "list")),
		must[any](t)(conn.Root().CallMethod(ctx, "dict")))), true)
	equal(t, len(must[[]int](t)(rpyc.Call[[]int](ctx, conn.Root(), "list"))), 400)
	equal(t, len(must[rpyc.Dict](t)(rpyc.Call[rpyc.Dict](ctx, conn.Root(), "dict"))), 200)
}

// Lists and dicts that contain each other are compared up to a limit.
func TestLiveContainersThatHoldThemselves(t *testing.T) {
	one, two := rpyc.NewLiveList(), rpyc.NewLiveList()
	one.Append(two)
	two.Append(one)
	dict := must[*rpyc.LiveDict](t)(rpyc.NewLiveDict())
	if err := dict.Set("self", dict); err != nil {
		t.Fatal(err)
	}
	addr, _ := serve(t, &containers{one, dict})
	conn, ctx := dial(t, addr), within(t)
	list := must[*rpyc.Object](t)(rpyc.Call[*rpyc.Object](ctx, conn.Root(), "list"))
	equal(t, must[bool](t)(list.Equal(ctx, list)), true)
	if err := second(list.Contains(ctx, must[any](t)(list.Item(ctx, 0)))); err != nil {
		t.Errorf("got %v", err)
	}
	one.Append(rpyc.NewLiveList())
	two.Append(rpyc.NewLiveList())
	if err := second(list.CallMethod(ctx, "index", list)); !errors.Is(err, rpyc.Type("RecursionError")) {
		t.Errorf("got %v", err)
	}
	entries := must[*rpyc.Object](t)(rpyc.Call[*rpyc.Object](ctx, conn.Root(), "dict"))
	equal(t, must[bool](t)(entries.Equal(ctx, entries)), true)
	if _, err := rpyc.Obtain(ctx, dict); !errors.Is(err, rpyc.ErrLimit) {
		t.Errorf("got %v", err)
	}
	for _, text := range []string{must[string](t)(list.Repr(ctx)), must[string](t)(entries.Repr(ctx))} {
		equal(t, len(text) < 1000, true)
	}
	equal(t, conn.Ping(ctx), nil)
}

type containers struct {
	list *rpyc.LiveList
	dict *rpyc.LiveDict
}

func (c *containers) List() *rpyc.LiveList { return c.list }
func (c *containers) Dict() *rpyc.LiveDict { return c.dict }

// AreHome receives them as values and as Go types.
func (c *containers) AreHome(list *rpyc.LiveList, dict *rpyc.LiveDict) bool {
	return list == c.list && dict == c.dict
}

func TestKeysOfLiveDicts(t *testing.T) {
	mine := &Book{"mine", 1}
	dict := must[*rpyc.LiveDict](t)(rpyc.NewLiveDict(rpyc.Item{Key: 1, Value: "int"}, rpyc.Item{Key: 1.0, Value: "float"},
		rpyc.Item{Key: "1", Value: "text"}, rpyc.Item{Key: []byte("1"), Value: "bytes"}, rpyc.Item{Key: rpyc.Tuple{1, "a"}, Value: "tuple"},
		rpyc.Item{Key: mine, Value: "pointer"}, rpyc.Item{Key: nil, Value: "none"}, rpyc.Item{Key: 1e300, Value: "large"}, rpyc.Item{Key: 1.5, Value: "half"}))
	equal(t, dict.Len(), 8)
	for _, c := range []struct {
		key  any
		want string
	}{{true, "float"}, {uint8(1), "float"}, {"1", "text"}, {[]byte("1"), "bytes"}, {rpyc.Tuple{1.0, "a"}, "tuple"}, {mine, "pointer"}, {nil, "none"}, {1e300, "large"}, {1.5, "half"}} {
		got, ok := dict.Get(c.key)
		equal(t, []any{got, ok}, []any{c.want, true})
	}
	for _, key := range []any{rpyc.Tuple{"1", "a"}, rpyc.Tuple{1, "a;"}, "2", []int{1}, &Book{"mine", 1}} {
		if _, ok := dict.Get(key); ok {
			t.Errorf("%v was found", key)
		}
	}
	if _, err := rpyc.NewLiveDict(rpyc.Item{Key: []int{1}}); !errors.Is(err, rpyc.Type("TypeError")) {
		t.Errorf("got %v", err)
	}
}

// An object is sent from one connection to another and back.
func TestObjectsPassedOn(t *testing.T) {
	ctx := within(t)
	owner, left := connect(t)
	_ = left
	service := &Shelf{book: Book{"Go", 3}, left: make(chan struct{})}
	shelfAddr, _ := serve(t, service)
	shelf := dial(t, shelfAddr)
	book := must[*rpyc.Object](t)(rpyc.Call[*rpyc.Object](ctx, shelf.Root(), "book"))
	// The other server returns the same object, and sends a request to it.
	equal(t, must[any](t)(owner.Root().CallMethod(ctx, "echo", book)) == any(book), true)
	equal(t, must[float64](t)(rpyc.Call[float64](ctx, owner.Root(), "sum", book)), 6.0)
	equal(t, must[string](t)(rpyc.Call[string](ctx, shelf.Root(), "describe", owner.Root())), must[string](t)(owner.Root().Str(ctx)))
	equal(t, must[bool](t)(rpyc.Call[bool](ctx, owner.Root(), "same", shelf.Root(), shelf.Root())), true)
	equal(t, must[bool](t)(rpyc.Call[bool](ctx, owner.Root(), "same", shelf.Root(), book)), false)
	// A function of one server, called by the other.
	title := must[*rpyc.Object](t)(rpyc.Get[*rpyc.Object](ctx, shelf.Root(), "pages_after"))
	equal(t, must[int](t)(rpyc.Call[int](ctx, owner.Root(), "apply", title, 40)), 41)
	theirs := must[*rpyc.Object](t)(rpyc.Call[*rpyc.Object](ctx, owner.Root(), "view_of", book))
	equal(t, must[string](t)(rpyc.Call[string](ctx, theirs, "title")), "Go")
	if err := second(theirs.CallMethod(ctx, "pages")); !errors.Is(err, rpyc.Type("AttributeError")) {
		t.Errorf("got %v", err)
	}
	// When its owner has closed, requests to the object fail.
	shelf.Close()
	if err := second(rpyc.Call[float64](ctx, owner.Root(), "sum", book)); err == nil {
		t.Error("an object without its connection was used")
	}
	equal(t, owner.Ping(ctx), nil)
}

// PagesAfter is called by another server.
func (*Shelf) PagesAfter(n int) int { return n + 1 }

// Same reports whether two objects are the same object of the peer.
func (*Calculator) Same(one, two *rpyc.Object) bool { return one.Same(two) }

// ViewOf returns a view of an object of the peer.
func (*Calculator) ViewOf(object *rpyc.Object) *rpyc.View {
	return rpyc.Restricted(object, []string{"title"}, nil)
}

// Functions and methods that a peer sends back are called in this process.
func TestFunctionsComeHome(t *testing.T) {
	conn, ctx := connect(t)
	root := conn.Root()
	add := must[*rpyc.Object](t)(rpyc.Get[*rpyc.Object](ctx, root, "add"))
	equal(t, must[int](t)(rpyc.Call[int](ctx, root, "apply", add, 40)), 42)
	equal(t, must[string](t)(rpyc.Call[string](ctx, root, "type_of", add)), "*rpyc.Function")
	equal(t, must[int](t)(rpyc.Invoke[int](ctx, must[*rpyc.Object](t)(rpyc.Call[*rpyc.Object](ctx, root, "echo", add)), 1, rpyc.Keywords{"b": 5})), 6)
	// A method that the library made.
	name := must[*rpyc.Object](t)(rpyc.Get[*rpyc.Object](ctx, root, "get_service_name"))
	equal(t, must[string](t)(rpyc.Call[string](ctx, root, "type_of", name)), "*rpyc.Object")
	equal(t, must[string](t)(rpyc.Invoke[string](ctx, must[*rpyc.Object](t)(rpyc.Call[*rpyc.Object](ctx, root, "echo", name)))), "CALCULATOR")
	// A function of another type, and one with a signature.
	plain := must[*rpyc.Object](t)(rpyc.Call[*rpyc.Object](ctx, root, "doubler"))
	equal(t, must[int](t)(rpyc.Call[int](ctx, root, "apply", plain, 21)), 42)
	signed := must[*rpyc.Object](t)(rpyc.Call[*rpyc.Object](ctx, root, "scaler"))
	equal(t, must[int](t)(rpyc.Call[int](ctx, root, "apply", signed, 14)), 42)
	scale := rpyc.Func("scale(n, by=3, flag=True)", func(n, by int, flag bool) (int, error) {
		if !flag {
			return 0, errors.New("no flag")
		}
		return n * by, nil
	})
	equal(t, must[any](t)(scale.Call(ctx, 5)), int64(15))
	equal(t, must[any](t)(scale.Call(ctx, 5, rpyc.Keywords{"by": 2})), int64(10))
	if err := second(scale.Call(ctx, 5, 2, false)); err == nil || err.Error() != "no flag" {
		t.Errorf("got %v", err)
	}
	if err := second(scale.Call(ctx)); !errors.Is(err, rpyc.Type("TypeError")) {
		t.Errorf("got %v", err)
	}
}

func (*Calculator) Doubler() any { return func(n int32) int32 { return 2 * n } }
func (*Calculator) Scaler() any {
	return rpyc.Func("scale(n, by=3)", func(n, by int) int { return n * by })
}

// A value that was sent as a copy comes back as the original.
func TestSnapshotsComeHome(t *testing.T) {
	addr, _ := serve(t, &keeper{})
	conn, ctx := dial(t, addr), within(t)
	mine := &Book{"mine", 1}
	list := []any{1, "two", rpyc.Tuple{3, mine}, []string{"a"}, map[string]any{"k": nil}, new(big.Int).Lsh(big.NewInt(1), 70), 1i, rpyc.Ellipsis, rpyc.NotImplemented,
		rpyc.Slice{Start: 1}, rpyc.FrozenSet{1}, true}
	_ = must[any](t)(conn.Root().CallMethod(ctx, "keep", list))
	back := must[[]any](t)(rpyc.Call[[]any](ctx, conn.Root(), "kept"))
	equal(t, back[2], rpyc.Tuple{int64(3), mine})
	equal(t, must[[]string](t)(rpyc.As[[]string](ctx, back[3])), []string{"a"})
	equal(t, must[map[string]any](t)(rpyc.As[map[string]any](ctx, back[4])), map[string]any{"k": nil})
	equal(t, back[5:10], []any{list[5], 1i, rpyc.Ellipsis, rpyc.NotImplemented, rpyc.Slice{Start: int64(1)}})
	equal(t, back[11], true)
	_ = must[any](t)(conn.Root().CallMethod(ctx, "keep", map[float64][]byte{1.5: {1}}))
	equal(t, must[map[float64][]byte](t)(rpyc.Call[map[float64][]byte](ctx, conn.Root(), "kept")), map[float64][]byte{1.5: {1}})
	_ = must[any](t)(conn.Root().CallMethod(ctx, "keep", map[*Book]struct{}{mine: {}}))
	equal(t, must[map[*Book]struct{}](t)(rpyc.Call[map[*Book]struct{}](ctx, conn.Root(), "kept")), map[*Book]struct{}{mine: {}})
	copied := must[any](t)(rpyc.Obtain(ctx, must[any](t)(conn.Root().CallMethod(ctx, "kept"))))
	equal(t, copied, rpyc.FrozenSet{mine})
}

// keeper keeps the value that it receives.
type keeper struct{ value any }

func (k *keeper) Keep(value any) { k.value = value }
func (k *keeper) Kept() any      { return k.value }

// A type with its own access rules, accessed from Go.
type guardedType struct{ mu sync.Mutex }

func (*guardedType) Open() string { return "open" }

func (g *guardedType) GetAttrRPyC(ctx context.Context, name string) (any, error) {
	if name == "shut" {
		return nil, rpyc.Raise("AttributeError", name)
	}
	return rpyc.Attribute(ctx, g, name)
}

func TestOwnRules(t *testing.T) {
	addr, _ := serve(t, &guardedType{})
	conn, ctx := dial(t, addr), within(t)
	equal(t, must[string](t)(rpyc.Call[string](ctx, conn.Root(), "open")), "open")
	for _, name := range []string{"shut", "missing", "get_attr_rpy_c"} {
		if err := second(conn.Root().Get(ctx, name)); !errors.Is(err, rpyc.Type("AttributeError")) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if err := conn.Root().Set(ctx, "open", 1); !errors.Is(err, rpyc.Type("AttributeError")) {
		t.Errorf("got %v", err)
	}
	if err := second(rpyc.Attribute(ctx, 5, "x")); !errors.Is(err, rpyc.ErrType) {
		t.Errorf("got %v", err)
	}
	bound := must[any](t)(rpyc.Attribute(ctx, newCalculator(), "add"))
	equal(t, fmt.Sprintf("%T", bound), "*rpyc.Function")
	equal(t, must[any](t)(rpyc.Attribute(ctx, newCalculator(), "answer")), 42)
}

// Files work over a connection like the streams behind them.
func TestFiles(t *testing.T) {
	content := strings.Repeat("0123456789\n", 20000)
	output := &flushed{}
	addr, _ := serve(t, &files{rpyc.NewFile(strings.NewReader(content)), rpyc.NewFile(output)})
	conn, ctx := dial(t, addr), within(t)
	source := rpyc.NewStream(ctx, must[*rpyc.Object](t)(rpyc.Call[*rpyc.Object](ctx, conn.Root(), "input")))
	target := rpyc.NewStream(ctx, must[*rpyc.Object](t)(rpyc.Call[*rpyc.Object](ctx, conn.Root(), "output")))
	copied := must[int64](t)(io.Copy(target, source))
	equal(t, copied, int64(len(content)))
	equal(t, output.String() == content, true)
	equal(t, must[int64](t)(source.Seek(-11, io.SeekEnd)), int64(len(content)-11))
	equal(t, string(must[[]byte](t)(io.ReadAll(source))), "0123456789\n")
	equal(t, target.Close(), nil)
	equal(t, []any{output.closed, output.flushes}, []any{true, 1})
	if _, err := target.Write([]byte("x")); !errors.Is(err, rpyc.Type("ValueError")) {
		t.Errorf("got %v", err)
	}
	if err := second(source.Write([]byte("x"))); err == nil {
		t.Error("a reader was written")
	}
}

type flushed struct {
	bytes.Buffer
	flushes int
	closed  bool
}

func (f *flushed) Flush() error {
	f.flushes++
	return nil
}

func (f *flushed) Close() error {
	f.closed = true
	return nil
}

type files struct{ input, output *rpyc.File }

func (f *files) Input() *rpyc.File  { return f.input }
func (f *files) Output() *rpyc.File { return f.output }
