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

// Describer is implemented by types that say more about how peers see them than their exported methods do. The method
// is called once, on a zero value of the type, before the first of its values is sent. It is not exposed itself.
type Describer interface {
	DescribeRPyC(class *Class)
}

// Class describes how peers see the values of a Go type. It exists during DescribeRPyC.
//
// Each exported method becomes a method of the Python object under RPyC's rules: Add goes out as exposed_add, which a
// peer calls as add; GetServiceName as exposed_get_service_name. Prefix sets another prefix, or none. String gives str(), GoString repr().
type Class struct {
	goType  reflect.Type // of the values, a pointer
	class   *class
	hidden  map[string]bool
	claimed map[string]bool // hidden, because they are described
	members []*Member
	prefix  string
	problem error
}

// Member is a method or property that a Class describes.
type Member struct {
	doc     string
	name    string
	exposed bool // the prefix of the class is put before the name
	made    func(*Member) (member, error)
}

// Doc sets what help() shows in Python.
func (m *Member) Doc(text string) *Member {
	m.doc = text
	return m
}

// Name sets the names of module and class, which are those of the Go package and type otherwise.
func (c *Class) Name(module, name string) { c.class.module, c.class.name = module, name }

// Doc sets what help() shows of the class in Python.
func (c *Class) Doc(text string) { c.class.doc = text }

// Aliases are the names of the service, if it is one: the first is what get_service_name() answers.
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

// Base makes the class one that derives from the class of another value: isinstance() says so. Methods are not
// inherited that way; embed the other type for that.
func (c *Class) Base(value any) {
	base, err := classFor(reflect.TypeOf(value))
	if err != nil {
		c.fail(err)
		return
	}
	c.class.base = base
}

// Prefix sets what stands before the names of methods and properties, "exposed_" otherwise: what the option exposed_prefix of the
// connections says, or "" for plain names, which peers may use where allow_public_attrs or allow_all_attrs is on. Special
// methods such as "__len__()" keep their names.
func (c *Class) Prefix(prefix string) {
	if prefix != "" && !strings.HasSuffix(prefix, "_") {
		c.fail(fmt.Errorf("rpyc: the prefix %q does not end with \"_\"", prefix))
	}
	c.prefix = prefix
}

// Hide keeps exported methods from the peers.
func (c *Class) Hide(goMethods ...string) {
	for _, name := range goMethods {
		c.hidden[name] = true
	}
}

// Method describes a method by its signature, in Python's notation: "add(a, b=2, *, c=3)". Peers can then give the
// arguments by name and leave out those with a default; *rest goes to a variadic parameter and **named to a parameter
// of type Keywords. The name goes out as exposed_NAME, unless Prefix says otherwise, one that begins with "__" as it is, for special
// methods such as "__len__()".
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

// public describes a method that peers find by its plain name, whether or not they may use names without "exposed_".
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
	// __reversed__ and the like are refused under their own names.
	c.add(sig.name, made)
	c.add("exposed_"+sig.name, made)
}

// publicProperty describes a property that can be read, under its plain name too.
func (c *Class) publicProperty(name string, get any) {
	for _, wire := range []string{name, "exposed_" + name} {
		c.add(wire, func(m *Member) (member, error) {
			call, err := c.function(get, &signature{name: name})
			return member{name: m.name, kind: memberProperty, get: call}, err
		})
	}
}

// Property describes an attribute with functions to read, set and delete it, each the name of a method of the type, a
// function whose first parameter takes the value, or nil. Peers can set and delete attributes only where the options
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

// Constructor makes the class callable for peers that were given it with ClassOf. fn gives a new value, and possibly
// an error; it has no receiver.
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

// claim keeps a method that is described from being exposed by itself.
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

// expose adds what goes out with the prefix of the class, which may still be set.
func (c *Class) expose(name string, made func(*Member) (member, error)) *Member {
	m := c.add(name, made)
	m.exposed = true
	return m
}

// wireName is the literal name that RPyC's rules lead to.
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

// exposedPrefix is RPyC's own.
const exposedPrefix = "exposed_"

const (
	memberMethod = iota
	memberProperty
)

// member is what a class has under one name of the wire.
type member struct {
	name, signature, doc string
	kind                 int
	call, get, set, del  *function
}

// class is how peers see a Go type. It does not change once it is made.
type class struct {
	goType            reflect.Type
	module, name, doc string
	base              *class
	members           []member
	aliases           []string
	prefix            string // before the names of members
	construct         *function
	rules             rules        // its own
	object            *ClassObject // the class itself, to be sent
	serial            uint64       // stands in the ids of its members
}

// lastSerial is the serial of the class that was described last.
var lastSerial uint64

// classes holds the class of each type by its reflect.Type.
var classes sync.Map

// Methods that mean something to this package and are not exposed.
var reserved = map[string]reflect.Type{
	"DescribeRPyC": reflect.TypeOf((*Describer)(nil)).Elem(),
	"OnConnect":    reflect.TypeOf((*Connecter)(nil)).Elem(),
	"OnDisconnect": reflect.TypeOf((*Disconnecter)(nil)).Elem(),
	"GetAttrRPyC":  getterType, "SetAttrRPyC": setterType, "DelAttrRPyC": deleterType, "HasAttrRPyC": haverType,
}

// checkHooks finds methods that this package would call if they were of the right shape, and names to hide that are of no method.
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

// What the names of two well-known interfaces stand for.
var special = map[string]string{"String": "__str__", "GoString": "__repr__"}

// classFor finds or makes the class of a type.
func classFor(t reflect.Type) (*class, error) {
	if known, ok := classes.Load(t); ok {
		return known.(*class), nil
	}
	if t == nil || t.Kind() != reflect.Pointer || t.Elem().Kind() != reflect.Struct {
		return nil, problemf(ErrType, "a Go %v is no object: only pointers to structs are", t)
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

// snakeCase writes a name of Go as Python does: GetServiceName is get_service_name, HTTPPort is http_port.
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

// ClassObject stands for the class of a Go type. Sent to a peer it is that class: the peer can ask isinstance() and,
// if the class has a constructor, call it.
type ClassObject struct {
	class *class
}

// ClassOf gives the class of a value, a pointer to a struct, as an object that can be sent.
func ClassOf(value any) (*ClassObject, error) {
	class, err := classFor(reflect.TypeOf(value))
	if err != nil {
		return nil, err
	}
	return class.object, nil
}
