package rpyc_test

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"strings"
	"testing"
	"time"

	"rpyc"
)

func TestValuesThereAndBack(t *testing.T) {
	conn, ctx := connect(t)
	huge := new(big.Int).Exp(big.NewInt(10), big.NewInt(300), nil)
	for _, pair := range []struct{ sent, got any }{
		{nil, nil}, {true, true}, {false, false}, {0, int64(0)}, {-1, int64(-1)}, {int8(-128), int64(-128)},
		{uint16(65535), int64(65535)}, {int64(math.MinInt64), int64(math.MinInt64)},
		{uint64(math.MaxUint64), new(big.Int).SetUint64(math.MaxUint64)}, {huge, huge}, {big.NewInt(7), int64(7)},
		{1.5, 1.5}, {float32(0.25), 0.25}, {math.Inf(-1), math.Inf(-1)}, {complex(1, -2), complex(1, -2)},
		{"", ""}, {"\u05e9\u20ac\U0001f600", "\u05e9\u20ac\U0001f600"}, {"nul \x00", "nul \x00"},
		{[]byte{}, []byte{}}, {[]byte{0, 255}, []byte{0, 255}},
		{rpyc.Tuple{}, rpyc.Tuple{}}, {rpyc.Tuple{1, rpyc.Tuple{"two"}}, rpyc.Tuple{int64(1), rpyc.Tuple{"two"}}},
		{[2]int{1, 2}, rpyc.Tuple{int64(1), int64(2)}}, {rpyc.FrozenSet{1}, rpyc.FrozenSet{int64(1)}},
		{map[string]struct{}{"x": {}}, rpyc.FrozenSet{"x"}},
		{rpyc.Slice{Start: 1, Step: 2}, rpyc.Slice{Start: int64(1), Step: int64(2)}},
		{rpyc.Ellipsis, rpyc.Ellipsis}, {rpyc.NotImplemented, rpyc.NotImplemented},
		{1500 * time.Millisecond, 1.5}, {(*Calculator)(nil), nil}, {new(int), int64(0)}, {time.March, int64(3)},
	} {
		got, err := conn.Root().CallMethod(ctx, "echo", pair.sent)
		if err != nil {
			t.Fatalf("%#v: %v", pair.sent, err)
		}
		equal(t, got, pair.got)
	}
}

func TestResultsAreConverted(t *testing.T) {
	conn, ctx := connect(t)
	root := conn.Root()
	equal(t, must[uint8](t)(rpyc.Call[uint8](ctx, root, "echo", 255)), uint8(255))
	equal(t, must[float32](t)(rpyc.Call[float32](ctx, root, "echo", 2)), float32(2))
	equal(t, must[[]string](t)(rpyc.Call[[]string](ctx, root, "echo", rpyc.Tuple{"a", "b"})), []string{"a", "b"})
	equal(t, must[[3]int](t)(rpyc.Call[[3]int](ctx, root, "echo", rpyc.Tuple{1, 2, 3})), [3]int{1, 2, 3})
	equal(t, must[map[int]struct{}](t)(rpyc.Call[map[int]struct{}](ctx, root, "echo", rpyc.FrozenSet{1, 2})), map[int]struct{}{1: {}, 2: {}})
	equal(t, must[time.Duration](t)(rpyc.Call[time.Duration](ctx, root, "echo", 0.25)), 250*time.Millisecond)
	equal(t, must[*int](t)(rpyc.Call[*int](ctx, root, "echo", nil)), (*int)(nil))
	equal(t, *must[*int](t)(rpyc.Call[*int](ctx, root, "echo", 5)), 5)
	equal(t, must[time.Month](t)(rpyc.Call[time.Month](ctx, root, "echo", 3)), time.March)
	equal(t, must[uint64](t)(rpyc.Call[uint64](ctx, root, "echo", uint64(math.MaxUint64))), uint64(math.MaxUint64))
	for text, err := range map[string]error{
		"must be int, not str":                  second(rpyc.Call[int](ctx, root, "echo", "5")),
		"must be str, not int":                  second(rpyc.Call[string](ctx, root, "echo", 5)),
		"must be int in item 1, not str":        second(rpyc.Call[[]int](ctx, root, "echo", rpyc.Tuple{1, "x"})),
		"must be bytes, not str":                second(rpyc.Call[[]byte](ctx, root, "echo", "x")),
		"must be a tuple of 2, not of 1":        second(rpyc.Call[[2]int](ctx, root, "echo", rpyc.Tuple{1})),
		"must be bool, not NoneType":            second(rpyc.Call[bool](ctx, root, "echo", nil)),
		"must be callable, not int":             second(rpyc.Call[func()](ctx, root, "echo", 1)),
		"must be a number of seconds, not str":  second(rpyc.Call[time.Duration](ctx, root, "echo", "1s")),
		"must be an object of the caller, not ": second(rpyc.Call[*rpyc.Object](ctx, root, "echo", 1)),
	} {
		if !errors.Is(err, rpyc.ErrType) || !strings.Contains(err.Error(), text) {
			t.Errorf("got %v, want %q", err, text)
		}
	}
	if err := second(rpyc.Call[int8](ctx, root, "echo", 128)); !errors.Is(err, rpyc.ErrRange) {
		t.Errorf("got %v, want ErrRange", err)
	}
	if err := second(rpyc.Call[uint](ctx, root, "echo", -1)); !errors.Is(err, rpyc.ErrRange) {
		t.Errorf("got %v, want ErrRange", err)
	}
}

func second[T any](_ T, err error) error { return err }

func TestListsAndDictsAreFetched(t *testing.T) {
	conn, ctx := connect(t)
	root := conn.Root()
	// For a stock peer, a list or dict that is sent is a local object.
	equal(t, must[float64](t)(rpyc.Call[float64](ctx, root, "sum", []int{1, 2, 3})), 6.0)
	equal(t, must[string](t)(rpyc.Call[string](ctx, root, "type_of", []int{1})), "*rpyc.Object")
	equal(t, must[string](t)(rpyc.Call[string](ctx, root, "type_of", map[string]int{})), "*rpyc.Object")
	got := must[map[string][]int](t)(rpyc.Call[map[string][]int](ctx, root, "table", 3))
	equal(t, got, map[string][]int{"0": {}, "1": {0}, "2": {0, 1}})
	if err := second(rpyc.Call[float64](ctx, root, "sum", 5)); !errors.Is(err, rpyc.Type("TypeError")) {
		t.Errorf("got %v", err)
	}
	if err := second(rpyc.Call[float64](ctx, root, "sum", &Calculator{})); !errors.Is(err, rpyc.Type("TypeError")) {
		t.Errorf("got %v", err)
	}
}

// Table returns a dict of lists.
func (*Calculator) Table(n int) map[string][]int {
	table := map[string][]int{}
	for i := 0; i < n; i++ {
		row := []int{}
		for j := 0; j < i; j++ {
			row = append(row, j)
		}
		table[fmt.Sprint(i)] = row
	}
	return table
}

func TestNativeLists(t *testing.T) {
	addr, _ := serve(t, newCalculator())
	conn, ctx := dial(t, addr, rpyc.WithConfig("native", "on")), within(t)
	equal(t, must[string](t)(rpyc.Call[string](ctx, conn.Root(), "type_of", []int{1})), "[]interface {}")
	equal(t, must[any](t)(conn.Root().CallMethod(ctx, "echo", []any{1, map[string]int{"k": 2}})),
		[]any{int64(1), rpyc.Dict{{Key: "k", Value: int64(2)}}})
	equal(t, must[float64](t)(rpyc.Call[float64](ctx, conn.Root(), "sum", []float64{0.5, 1})), 1.5)
}

// Print returns a value with its type.
func (*Calculator) Print(value any) string { return fmt.Sprintf("%T %v", value, value) }

// Arrays of numbers arrive as slices of their own type, if the peer agreed on native values.
func TestArraysOfNumbers(t *testing.T) {
	addr, _ := serve(t, newCalculator())
	conn, ctx := dial(t, addr, rpyc.WithConfig("native", "on")), within(t)
	for _, c := range []struct {
		sent rpyc.Array
		want string
	}{{rpyc.Numbers([]int8{-1}), "[]int8 [-1]"}, {rpyc.Numbers([]uint16{1, 2}), "[]uint16 [1 2]"}, {rpyc.Numbers([]int32{}), "[]int32 []"},
		{rpyc.Numbers([]uint64{math.MaxUint64}), "[]uint64 [18446744073709551615]"}, {rpyc.Numbers([]float32{0.5}), "[]float32 [0.5]"},
		{rpyc.Numbers([]time.Duration{7}), "[]int64 [7]"}} {
		equal(t, must[string](t)(rpyc.Call[string](ctx, conn.Root(), "print", c.sent)), c.want)
	}
	equal(t, must[float64](t)(rpyc.Call[float64](ctx, conn.Root(), "sum", rpyc.Numbers([]float64{1, 2}))), 3.0)
	if err := second(conn.Root().CallMethod(ctx, "echo", rpyc.Array{})); !errors.Is(err, rpyc.ErrType) {
		t.Errorf("got %v", err)
	}
	if conn.NetConn().RemoteAddr() != conn.RemoteAddr() {
		t.Error("that is another stream")
	}
}

func TestWhatCannotBeSent(t *testing.T) {
	conn, ctx := connect(t)
	endless := rpyc.Tuple{nil}
	endless[0] = endless
	for _, value := range []any{struct{ X int }{1}, make(chan int), endless, rpyc.Tuple{struct{}{}}} {
		if _, err := conn.Root().CallMethod(ctx, "echo", value); !errors.Is(err, rpyc.ErrType) {
			t.Errorf("got %v", err)
		}
	}
	if _, err := conn.Root().CallMethod(ctx, "echo", "\xff"); !errors.Is(err, rpyc.ErrType) {
		t.Error("a text that is not UTF-8 was sent")
	}
	// More items than the packed form can count.
	if _, err := conn.Root().CallMethod(ctx, "echo", make([]struct{}, 1<<33)); !errors.Is(err, rpyc.ErrLimit) {
		t.Errorf("got %v", err)
	}
}

func TestAddresses(t *testing.T) {
	ctx := within(t)
	for _, addr := range []string{"", "localhost:1", "tcp://localhost", "tcp://::1:5", "tcp://h:99999", "unix://", "unix://x", "tcp://a b:1"} {
		if _, err := rpyc.Dial(ctx, addr); !errors.Is(err, rpyc.ErrAddress) {
			t.Errorf("%q: got %v", addr, err)
		}
	}
	path := t.TempDir() + "/s"
	listener, err := rpyc.Listen(ctx, "unix://"+path)
	if err != nil {
		t.Fatal(err)
	}
	go rpyc.NewServer(newCalculator()).Serve(ctx, listener)
	equal(t, must[int](t)(rpyc.Call[int](ctx, dial(t, "unix://"+path).Root(), "add", 1)), 3)
}
