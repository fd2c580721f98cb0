package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sort"
	"strings"
	"sync"

	"rpyc"
)

// features is the service.
type features struct {
	list    *rpyc.LiveList
	dict    *rpyc.LiveDict
	account *account
	other   *rpyc.Conn
	output  bytes.Buffer
	tables  tables
}

func (f *features) List() *rpyc.LiveList { return f.list }
func (f *features) Dict() *rpyc.LiveDict { return f.dict }

// Items returns the list as Go sees it.
func (f *features) Items() string { return fmt.Sprint(f.list.Items()) }

// Entries returns the dict as Go sees it.
func (f *features) Entries() string { return fmt.Sprint(f.dict.Entries()) }

// IsHome reports whether the list and the dict come back as themselves.
func (f *features) IsHome(list, dict any) bool { return list == any(f.list) && dict == any(f.dict) }

// Snapshots returns copies of a slice and a map.
func (f *features) Snapshots() ([]any, map[string]int) {
	return []any{1, "two", rpyc.Tuple{3, nil}, f.account, []int{4, 5}, 1.5, []byte("b")}, map[string]int{"x": 1, "y": 2}
}

// SnapshotsHome receives the copies back.
func (f *features) SnapshotsHome(list []any, dict map[string]int, numbers [2]int) string {
	isAccount := list[3] == any(f.account)
	inner, _ := rpyc.As[[]int](context.Background(), list[4])
	list[3], list[4] = isAccount, inner
	return fmt.Sprint(list, dict, numbers)
}

// Sum accepts any kind of list.
func (f *features) Sum(numbers []int) (sum int) {
	for _, number := range numbers {
		sum += number
	}
	return sum
}

func (f *features) File(path string) (*rpyc.File, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	return rpyc.NewFile(file), nil
}

// Lines returns a text file for reading, Output one for writing.
func (f *features) Lines() *rpyc.File {
	return rpyc.NewTextFile(strings.NewReader("één\ntwee\ndrie"))
}
func (f *features) Output() *rpyc.File { return rpyc.NewTextFile(struct{ io.Writer }{&f.output}) }
func (f *features) Written() string    { return f.output.String() }
func (f *features) Account() *account  { return f.account }
func (f *features) Ruled() *ruled      { return &ruled{} }
func (f *features) Table() *tables     { return &f.tables }
func (f *features) View() *rpyc.View {
	return rpyc.Restricted(f.account, []string{"owner", "deposit"}, []string{"note"})
}
func (f *features) IsView(v any) bool         { _, ok := v.(*rpyc.View); return ok }
func (f *features) ViewOf(o *rpyc.Object) any { return rpyc.Restricted(o, []string{"upper"}, nil) }
func (f *features) IsOther(o *rpyc.Object) bool {
	return f.other != nil && o.Conn().RemoteAddr() == f.other.RemoteAddr()
}

// ReadAll reads a file of the peer and writes to it.
func (f *features) ReadAll(ctx context.Context, file *rpyc.Object) (string, error) {
	stream := rpyc.NewStream(ctx, file)
	content, err := io.ReadAll(stream)
	if err != nil {
		return "", err
	}
	if _, err := stream.Seek(0, io.SeekStart); err != nil {
		return "", err
	}
	if _, err := stream.Write(bytes.ToUpper(content)); err != nil {
		return "", err
	}
	return string(content), nil
}

// Obtain copies an object of the peer.
func (f *features) Obtain(ctx context.Context, value any) (string, error) {
	copied, err := rpyc.Obtain(ctx, value)
	return fmt.Sprint(copied), err
}

// Overlap starts several calls of the peer, waits for all of them, and returns the results.
func (f *features) Overlap(ctx context.Context, function *rpyc.Object, count int) (rpyc.Tuple, error) {
	var started []*rpyc.Future[any]
	for i := 0; i < count; i++ {
		started = append(started, rpyc.AsyncInvoke[any](ctx, function, i))
	}
	var results rpyc.Tuple
	for _, one := range started {
		result, err := one.Result()
		if err != nil {
			return nil, err
		}
		results = append(results, result)
	}
	return results, nil
}

// DescribeRPyC sets a name that differs from the Go name.
func (*features) DescribeRPyC(c *rpyc.Class) { c.Method("pass_(name)", "Pass") }

// Pass returns an object of the other server to the peer.
func (f *features) Pass(ctx context.Context, name string) (any, error) {
	if f.other == nil {
		return nil, errors.New("there is no other server")
	}
	return f.other.Root().CallMethod(ctx, name)
}

// PassOn passes an object of the peer to the other server.
func (f *features) PassOn(ctx context.Context, name string, object any) (any, error) {
	return f.other.Root().CallMethod(ctx, name, object)
}

// CallHome calls a function, local or remote.
func (f *features) CallHome(function func(any) (any, error), value any) (any, error) {
	return function(value)
}

// account is an object with a property and methods.
type account struct {
	mu      sync.Mutex
	owner   string
	note    string
	balance int
}

func (*account) DescribeRPyC(c *rpyc.Class) {
	c.Property("owner", func(a *account) string { return a.owner }, nil, nil)
	c.Property("note", "Note", "SetNote", nil)
	c.Method("deposit(amount=1)", "Deposit")
}

func (a *account) Note() string        { return a.note }
func (a *account) SetNote(text string) { a.note = text }
func (a *account) Secret() string      { return "secret" }

func (a *account) Deposit(amount int) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.balance += amount
	return a.balance
}

// ruled has its own rules for all three accesses.
type ruled struct{ log []string }

func (r *ruled) Hello(name string) string { return "hello " + name }

func (r *ruled) GetAttrRPyC(ctx context.Context, name string) (any, error) {
	if strings.HasPrefix(name, "log") {
		return strings.Join(r.log, ","), nil
	}
	if name == "panics" {
		panic("a rule that panics")
	}
	if name == "hello" || strings.HasPrefix(name, "__") {
		return rpyc.Attribute(ctx, r, name)
	}
	return nil, rpyc.Raise("AttributeError", "no "+name)
}

func (r *ruled) SetAttrRPyC(_ context.Context, name string, value any) error {
	if name == "fixed" {
		return rpyc.Raise("AttributeError", "fixed is fixed")
	}
	r.log = append(r.log, fmt.Sprintf("%s=%v", name, value))
	return nil
}

func (r *ruled) DelAttrRPyC(_ context.Context, name string) error {
	r.log = append(r.log, "del "+name)
	return nil
}

// tables has dynamic attributes.
type tables struct {
	mu     sync.Mutex
	values map[string]any
}

func (t *tables) Names() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	names := []string{}
	for name := range t.values {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

func (t *tables) HasAttrRPyC(_ context.Context, name string) bool {
	return strings.HasPrefix(name, "exposed_") && !strings.Contains(name, "never")
}

func (t *tables) GetAttrRPyC(_ context.Context, name string) (any, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	value, ok := t.values[name]
	if !ok {
		return nil, rpyc.Raise("AttributeError", name+" was never set")
	}
	return value, nil
}

func (t *tables) SetAttrRPyC(_ context.Context, name string, value any) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.values == nil {
		t.values = map[string]any{}
	}
	t.values[name] = value
	return nil
}

func (t *tables) DelAttrRPyC(_ context.Context, name string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.values, name)
	return nil
}
