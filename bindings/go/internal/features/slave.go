package main

import (
	"context"
	"fmt"
	"log"
	"strings"
	"sync"

	"rpyc"
)

// prefix is the prefix of the names in this file: none for a slave, or the one that the client's rules omit.
var prefix string

// motor is an object that a slave returns.
type motor struct {
	mu    sync.Mutex
	name  string
	speed int
}

func (*motor) DescribeRPyC(c *rpyc.Class) {
	c.Constructor("motor(speed, name='m')", func(speed int, name string) *motor { return &motor{speed: speed, name: name} })
	c.Method("faster(by=1)", "Faster")
	c.Property("speed", (*motor).get, (*motor).set, nil)
	c.Prefix(prefix)
}

func (m *motor) get() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.speed
}

func (m *motor) set(speed int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.speed = speed
}

// Faster is described explicitly.
func (m *motor) Faster(by int) int {
	m.set(m.get() + by)
	return m.get()
}

// ShowName is exposed by default.
func (m *motor) ShowName() string { return m.name }

// module has attributes from a table.
type module map[string]any

type library struct{ names module }

func (*library) DescribeRPyC(c *rpyc.Class) { c.Prefix(prefix) }

func (l *library) HasAttrRPyC(_ context.Context, name string) bool {
	return l.names[strings.TrimPrefix(name, prefix)] != nil
}

func (l *library) GetAttrRPyC(_ context.Context, name string) (any, error) {
	return l.names[strings.TrimPrefix(name, prefix)], nil
}

// toy is a slave that only evaluates names.
type toy struct {
	names   *rpyc.LiveDict
	modules map[string]any
}

func (*toy) DescribeRPyC(c *rpyc.Class) {
	c.Prefix(prefix)
	c.Property("namespace", func(t *toy) *rpyc.LiveDict { return t.names }, nil, nil)
}

// Getmodule imports a module.
func (t *toy) Getmodule(name string) (any, error) {
	found := t.modules[name]
	if found == nil {
		return nil, rpyc.Raise("ModuleNotFoundError", fmt.Sprintf("No module named '%s'", name))
	}
	return found, nil
}

// Eval reads a name.
func (t *toy) Eval(text string) (any, error) {
	value, found := t.names.Get(text)
	if !found {
		return nil, rpyc.Raise("NameError", text)
	}
	return value, nil
}

// Execute sets a name to True.
func (t *toy) Execute(text string) error { return t.names.Set(text, true) }

func slave(ctx context.Context, addr, given string) {
	prefix = given
	class, err := rpyc.ClassOf(&motor{})
	check(err)
	names, err := rpyc.NewLiveDict()
	check(err)
	service := &toy{names, map[string]any{
		"motor":    &library{module{"Motor": class, "shared": &motor{name: "shared", speed: 7}}},
		"builtins": &library{module{"answer": 42}},
		// Modules that RPyC 6 requires of a slave.
		"importlib.util": &library{module{}},
	}}
	options := []rpyc.Option{rpyc.WithConfig("allow_all_attrs", "true"), rpyc.WithConfig("allow_setattr", "true"), rpyc.WithConfig("allow_exposed_attrs", "false")}
	if prefix != "" {
		options = []rpyc.Option{rpyc.WithConfig("exposed_prefix", prefix), rpyc.WithConfig("allow_setattr", "true")}
	}
	listener := must(rpyc.Listen(ctx, addr))
	fmt.Printf("listening %s://%s\n", listener.Addr().Network(), listener.Addr())
	if err := rpyc.NewServer(service, options...).Serve(ctx, listener); err != nil {
		log.Fatal(err)
	}
}
