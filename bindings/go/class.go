package rpyc

import (
	"errors"
	"fmt"
	"path"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"unicode"
)

// Describer is implemented by types that describe more of their Python interface than their exported methods.
// DescribeRPyC is called once, on a zero value of the type, before the first value of the type is sent. It is not
// exposed.
type Describer interface {
	DescribeRPyC(class *Class)
}

// Class describes how peers see the values of a Go type. It is valid during DescribeRPyC.
//
// Each exported method becomes a method of the Python object under RPyC's rules. Add is exported as exposed_add, which
// a peer calls as add; GetServiceName as exposed_get_service_name. Prefix sets another prefix, or none. String provides
// str(), GoString provides repr().
type Class struct {
	goType  reflect.Type // of the values; a pointer type
	class   *class
	hidden  map[string]bool
	claimed map[string]bool // hidden because they are described
	members []*Member
	prefix  string
	problem error
}

// Member is a method or property that a Class describes.
type Member struct {
	doc     string
	name    string
	exposed bool // the class's prefix is added to the name
	made    func(*Member) (member, error)
}

// Doc sets the text that Python's help() shows.
func (m *Member) Doc(text string) *Member {
	m.doc = text
	return m
}

// Name sets the names of the module and the class. The default is those of the Go package and type.
func (c *Class) Name(module, name string) { c.class.module, c.class.name = module, name }

// Doc sets the text that Python's help() shows for the class.
func (c *Class) Doc(text string) { c.class.doc = text }

// Aliases sets the names of the service, if it is one. The first is the result of get_service_name().
func (c *Class) Aliases(names ...string) {
	known := map[string]bool{}
	for _, name := range names {
		if known[name] {
			c.fail(fmt.Errorf("rpyc: the alias %q is given twice", name))
		}
		known[name] = true
	}
	c.class.aliases = names
}

// Base makes the class a subclass of another value's class, for isinstance(). Methods are not inherited; embed the
// other type to inherit them.
func (c *Class) Base(value any) {
	base, err := classFor(reflect.TypeOf(value))
	if err != nil {
		c.fail(err)
		return
	}
	c.class.base = base
}

// Prefix sets the prefix of the names of methods and properties. The default is "exposed_". Use the value of the
// connections' option exposed_prefix, or "" for plain names, which peers may use if allow_public_attrs or
// allow_all_attrs is on. Special methods such as "__len__()" keep their names.
func (c *Class) Prefix(prefix string) {
	if prefix != "" && !strings.HasSuffix(prefix, "_") {
		c.fail(fmt.Errorf("rpyc: the prefix %q does not end with \"_\"", prefix))
	}
	c.prefix = prefix
}

// Hide hides exported methods from peers.
func (c *Class) Hide(goMethods ...string) {
	for _, name := range goMethods {
		c.hidden[name] = true
	}
}

// Method describes a method by its signature in Python's notation: "add(a, b=2, *, c=3)". Peers can then pass arguments
// by name and omit those with a default. *rest is passed to a variadic parameter, and **named to a parameter of type
// Keywords. The method is exported as exposed_NAME, unless Prefix sets another prefix. A name that begins with "__" is
// unchanged, for special methods such as "__len__()".
//
// fn is the name of a method of the type, or a function whose first parameter takes the value.
func (c *Class) Method(signature string, fn any) *Member {
	sig, err := parseSignature(signature)
	if err != nil {
		c.fail(err)
		return &Member{}
	}
	c.claim(fn)
	return c.expose(sig.name, func(m *Member) (member, error) {
		call, err := c.function(fn, sig)
		return member{name: m.name, doc: m.doc, signature: signature, kind: memberMethod, call: call}, err
	})
}

// public describes a method that peers find by its plain name, even if they may only use names with the prefix
// "exposed_".
func (c *Class) public(signature string, fn any) {
	sig, err := parseSignature(signature)
	if err != nil {
		c.fail(err)
		return
	}
	made := func(m *Member) (member, error) {
		call, err := c.function(fn, sig)
		return member{name: m.name, signature: signature, kind: memberMethod, call: call}, err
	}
	// __reversed__ and the like are denied under their own names.
	c.add(sig.name, made)
	c.add("exposed_"+sig.name, made)
}

// publicProperty describes a readable property that peers also find by its plain name.
func (c *Class) publicProperty(name string, get any) {
	for _, wire := range []string{name, "exposed_" + name} {
		c.add(wire, func(m *Member) (member, error) {
			call, err := c.function(get, &signature{name: name})
			return member{name: m.name, kind: memberProperty, get: call}, err
		})
	}
}

// Property describes an attribute with functions to read, set and delete it. Each is the name of a method of the type,
// a function whose first parameter takes the value, or nil. Peers can set and delete attributes only if the options
// allow_setattr and allow_delattr are on.
func (c *Class) Property(name string, get, set, del any) *Member {
	if get == nil && set == nil && del == nil {
		c.fail(fmt.Errorf("rpyc: the property %q can be neither read nor set nor deleted", name))
	}
	if name == "" {
		c.fail(errors.New("rpyc: a property has no name"))
	}
	for _, fn := range []any{get, set, del} {
		c.claim(fn)
	}
	return c.expose(name, func(m *Member) (member, error) {
		result := member{name: m.name, doc: m.doc, kind: memberProperty}
		for i, fn := range []any{get, set, del} {
			if fn == nil {
				continue
			}
			sig := &signature{name: name}
			if i == 1 {
				sig.params = []param{{name: name}}
			}
			call, err := c.function(fn, sig)
			if err != nil {
				return result, err
			}
			*[]**function{&result.get, &result.set, &result.del}[i] = call
		}
		return result, nil
	})
}

// Constructor makes the class callable for peers that received it by ClassOf. fn returns a new value and, optionally,
// an error. It has no receiver.
func (c *Class) Constructor(signature string, fn any) {
	sig, err := parseSignature(signature)
	if err == nil && c.class.construct != nil {
		err = fmt.Errorf("rpyc: %s: the class has two constructors", sig.name)
	}
	if err == nil {
		c.class.construct, err = newFunction(reflect.ValueOf(fn), sig, 0)
		for _, p := range sig.params {
			if p.optional != "" {
				_, wrong := literal(p.optional)
				c.fail(wrong)
			}
		}
	}
	c.fail(err)
}

func (c *Class) fail(err error) {
	if c.problem == nil {
		c.problem = err
	}
}

// claim prevents a described method from also being exposed under its default name.
func (c *Class) claim(fn any) {
	if name, ok := fn.(string); ok {
		c.claimed[name] = true
	}
}

func (c *Class) add(name string, made func(*Member) (member, error)) *Member {
	m := &Member{name: name, made: made}
	c.members = append(c.members, m)
	return m
}

// expose adds a member that is exported with the class's prefix, which may still change.
func (c *Class) expose(name string, made func(*Member) (member, error)) *Member {
	m := c.add(name, made)
	m.exposed = true
	return m
}

// wireName returns the name on the wire under RPyC's rules.
func (c *Class) wireName(name string) string {
	if strings.HasPrefix(name, "__") {
		return name
	}
	return c.prefix + name
}

func (c *Class) function(fn any, sig *signature) (*function, error) {
	if name, ok := fn.(string); ok {
		method, found := c.goType.MethodByName(name)
		if !found {
			return nil, fmt.Errorf("rpyc: %s has no method %s", c.goType, name)
		}
		return newFunction(method.Func, sig, 1)
	}
	v := reflect.ValueOf(fn)
	if v.Kind() != reflect.Func || v.Type().NumIn() == 0 || !c.goType.AssignableTo(v.Type().In(0)) {
		return nil, fmt.Errorf("rpyc: %s() of %s needs a function whose first parameter is a %s", sig.name, c.goType, c.goType)
	}
	return newFunction(v, sig, 1)
}

// exposedPrefix is RPyC's default prefix.
const exposedPrefix = "exposed_"

const (
	memberMethod = iota
	memberProperty
)

// member is an entry of a class under one name on the wire.
type member struct {
	name, signature, doc string
	kind                 int
	call, get, set, del  *function
}

// class is how peers see a Go type. It is immutable after it is made.
type class struct {
	goType            reflect.Type
	module, name, doc string
	base              *class
	members           []member
	aliases           []string
	prefix            string // of the names of members
	construct         *function
	rules             rules        // of the type itself
	object            *ClassObject // the class itself as an object
	serial            uint64       // part of the ids of its members
}

// lastSerial is the serial of the last described class.
var lastSerial uint64

// classes maps a reflect.Type to its class.
var classes sync.Map

// reserved are the methods with a meaning in this package. They are not exposed.
var reserved = map[string]reflect.Type{
	"DescribeRPyC": reflect.TypeOf((*Describer)(nil)).Elem(),
	"OnConnect":    reflect.TypeOf((*Connecter)(nil)).Elem(),
	"OnDisconnect": reflect.TypeOf((*Disconnecter)(nil)).Elem(),
	"GetAttrRPyC":  getterType, "SetAttrRPyC": setterType, "DelAttrRPyC": deleterType, "HasAttrRPyC": haverType,
}

// checkHooks finds methods that have a reserved name but the wrong signature, and hidden names without a method.
func (c *Class) checkHooks() {
	for i := 0; i < c.goType.NumMethod(); i++ {
		method := c.goType.Method(i)
		meant := reserved[method.Name]
		if meant == nil || c.goType.Implements(meant) || c.hidden[method.Name] {
			continue
		}
		got := reflect.New(c.goType.Elem()).MethodByName(method.Name).Type()
		c.fail(fmt.Errorf("rpyc: %s: expected %s, got %s; Hide it if it is not meant for peers", method.Name, meant.Method(0).Type, got))
	}
	for _, name := range sortedNames(c.hidden) {
		if _, found := c.goType.MethodByName(name); !found {
			c.fail(fmt.Errorf("rpyc: %s has no method %s to hide", c.goType, name))
		}
	}
}

// special maps the methods of two well-known interfaces to special methods of Python.
var special = map[string]string{"String": "__str__", "GoString": "__repr__"}

// classFor finds or makes the class of a type.
func classFor(t reflect.Type) (*class, error) {
	if known, ok := classes.Load(t); ok {
		return known.(*class), nil
	}
	if t == nil || t.Kind() != reflect.Pointer || t.Elem().Kind() != reflect.Struct {
		return nil, problemf(ErrType, "a Go %v cannot be an object: expected a pointer to a struct", t)
	}
	made, err := describe(t)
	if err != nil {
		return nil, err
	}
	known, _ := classes.LoadOrStore(t, made)
	return known.(*class), nil
}

func describe(t reflect.Type) (*class, error) {
	name := t.Elem().Name()
	if name == "" {
		name = "object"
	}
	module := path.Base(t.Elem().PkgPath())
	if module == "." {
		module = "go"
	}
	c := &Class{goType: t, class: &class{goType: t, module: module, name: name, rules: rulesOf(t)}, hidden: map[string]bool{}, claimed: map[string]bool{}, prefix: exposedPrefix}
	if describer, ok := reflect.New(t.Elem()).Interface().(Describer); ok {
		describer.DescribeRPyC(c)
	}
	c.checkHooks()
	taken := map[string]string{}
	c.class.prefix = c.prefix
	for _, m := range c.members {
		if m.exposed {
			m.name = c.wireName(m.name)
		}
		made, err := m.made(m)
		c.fail(err)
		if taken[m.name] != "" {
			c.fail(fmt.Errorf("rpyc: two members are named %q", m.name))
		}
		c.class.members = append(c.class.members, made)
		taken[m.name] = "described"
	}
	for i := 0; i < t.NumMethod(); i++ {
		method := t.Method(i)
		wire := special[method.Name]
		if wire == "" {
			wire = c.wireName(snakeCase(method.Name))
		}
		if reserved[method.Name] != nil || c.hidden[method.Name] || c.claimed[method.Name] || taken[wire] == "described" {
			continue
		}
		if taken[wire] != "" {
			c.fail(fmt.Errorf("rpyc: the methods %s and %s would both be %q: describe or hide one", taken[wire], method.Name, wire))
		}
		taken[wire] = method.Name
		sig := plainSignature(strings.TrimPrefix(wire, c.prefix), method.Type, 1)
		call, err := newFunction(method.Func, sig, 1)
		c.fail(err)
		c.class.members = append(c.class.members,
			member{name: wire, signature: sig.text, kind: memberMethod, call: call})
	}
	if c.problem != nil {
		return nil, fmt.Errorf("%w (describing %s)", c.problem, t)
	}
	c.class.object = &ClassObject{c.class}
	c.class.serial = atomic.AddUint64(&lastSerial, 1)
	return c.class, nil
}

// snakeCase converts a Go name to Python's style: GetServiceName to get_service_name, HTTPPort to http_port.
func snakeCase(name string) string {
	runes := []rune(name)
	var out strings.Builder
	for i, r := range runes {
		if unicode.IsUpper(r) && i > 0 {
			previous := runes[i-1]
			next := i+1 < len(runes) && unicode.IsLower(runes[i+1])
			if unicode.IsLower(previous) || unicode.IsDigit(previous) || (unicode.IsUpper(previous) && next) {
				out.WriteByte('_')
			}
		}
		out.WriteRune(unicode.ToLower(r))
	}
	return out.String()
}

func typeName(value any) string { return reflect.TypeOf(value).String() }

// ClassObject represents the class of a Go type. Sent to a peer it is that class: the peer can use it in isinstance()
// and, if the class has a constructor, call it.
type ClassObject struct {
	class *class
}

// ClassOf returns the class of a value, a pointer to a struct, as an object that can be sent.
func ClassOf(value any) (*ClassObject, error) {
	class, err := classFor(reflect.TypeOf(value))
	if err != nil {
		return nil, err
	}
	return class.object, nil
}
