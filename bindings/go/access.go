package rpyc

import (
	"context"
	"reflect"
	"strings"
)

// AttrGetter is implemented by types with rules of their own for reading attributes, Python's _rpyc_getattr: whatever a
// peer reads of a value, GetAttrRPyC is asked for by the name that the peer gave, and no other rule holds. A method that a
// peer calls is read first. Attribute gives what the usual rules would give; an error becomes an exception, for which
// Raise("AttributeError", name) is the usual one. None of these methods is exposed itself.
//
// A type that implements AttrHaver too has dynamic attributes instead, to which the usual rules apply.
type AttrGetter interface {
	GetAttrRPyC(ctx context.Context, name string) (any, error)
}

// AttrSetter has rules of its own for setting attributes, Python's _rpyc_setattr; see AttrGetter.
type AttrSetter interface {
	SetAttrRPyC(ctx context.Context, name string, value any) error
}

// AttrDeleter has rules of its own for deleting attributes, Python's _rpyc_delattr; see AttrGetter.
type AttrDeleter interface {
	DelAttrRPyC(ctx context.Context, name string) error
}

// AttrHaver is implemented by types with attributes that are known only when somebody asks, Python's __getattr__.
// HasAttrRPyC tells whether there is one of that name, beyond the methods and properties of the type. The usual rules
// decide which names peers may use: by default those with "exposed_" in front, which a peer may leave out. Then GetAttrRPyC,
// SetAttrRPyC and DelAttrRPyC, as far as there are such methods, are called for those names.
type AttrHaver interface {
	HasAttrRPyC(ctx context.Context, name string) bool
}

var (
	getterType  = reflect.TypeOf((*AttrGetter)(nil)).Elem()
	setterType  = reflect.TypeOf((*AttrSetter)(nil)).Elem()
	deleterType = reflect.TypeOf((*AttrDeleter)(nil)).Elem()
	haverType   = reflect.TypeOf((*AttrHaver)(nil)).Elem()
)

// rules are those that a type has itself.
type rules struct{ get, set, del, dynamic bool }

func rulesOf(t reflect.Type) rules {
	if t.Implements(haverType) {
		return rules{dynamic: true}
	}
	return rules{get: t.Implements(getterType), set: t.Implements(setterType), del: t.Implements(deleterType)}
}

// byName answers what is asked of an attribute by its name.
func (s *served) byName(ctx context.Context, args []any) (any, error) {
	name, _ := args[0].(string)
	haver, dynamic := s.receiver.(AttrHaver)
	switch s.event.asks {
	case asksExists:
		return dynamic && haver.HasAttrRPyC(ctx, name), nil
	case asksGet, asksDel:
		// Names that the rules allow are asked for whether they are there or not; what is set may be new.
		if dynamic && !haver.HasAttrRPyC(ctx, name) {
			return nil, missing(s.receiver, strings.TrimPrefix(name, "exposed_"))
		}
	}
	switch s.event.asks {
	case asksGet:
		if getter, ok := s.receiver.(AttrGetter); ok {
			value, err := getter.GetAttrRPyC(ctx, name)
			return s.callable(value), err
		}
	case asksSet:
		if setter, ok := s.receiver.(AttrSetter); ok && len(args) == 2 {
			return nil, setter.SetAttrRPyC(ctx, name, args[1])
		}
	case asksDel:
		if deleter, ok := s.receiver.(AttrDeleter); ok {
			return nil, deleter.DelAttrRPyC(ctx, name)
		}
	}
	return nil, Raise("AttributeError", name)
}

// callable makes a function of this side of a method that is the peer's own. What the peer reads may be what it calls, and
// that is done on this side, where the library would have to wait for the peer.
func (s *served) callable(value any) any {
	object, ok := value.(*Object)
	if !ok || object.conn != s.conn {
		return value
	}
	switch object.TypeName() {
	case "builtins.method", "builtins.function", "builtins.builtin_function_or_method":
		return Func("function(*args, **named)", func(ctx context.Context, named Keywords, args ...any) (any, error) {
			return object.Call(ctx, append(args, named)...)
		})
	}
	return value
}

// Attribute reads an attribute of an object: of the peer's, which is asked, or of a pointer to a struct, as this program
// sees it: a method becomes a Function, a property is read, and names are found with and without "exposed_". Rules of its
// own (AttrGetter) are passed over, so that these can be written with it.
func Attribute(ctx context.Context, object any, name string) (any, error) {
	if remote, ok := object.(*Object); ok {
		return remote.Get(ctx, name)
	}
	member, err := memberOf(object, name)
	switch {
	case err != nil:
		return nil, err
	case member == nil:
		haver, isHaver := object.(AttrHaver)
		getter, isGetter := object.(AttrGetter)
		if isHaver && isGetter && haver.HasAttrRPyC(ctx, name) {
			return getter.GetAttrRPyC(ctx, name)
		}
	case member.call != nil:
		return boundMethod(object, member), nil
	case member.get != nil:
		return member.get.call(ctx, object, nil)
	}
	return nil, missing(object, name)
}

// boundMethod makes a function of a method and its object.
func boundMethod(object any, m *member) *Function {
	name := m.name
	if of, err := classFor(reflect.TypeOf(object)); err == nil {
		name = strings.TrimPrefix(name, of.prefix)
	}
	return &Function{strings.TrimPrefix(name, exposedPrefix), m.signature, m.call, object}
}

// SetAttribute sets an attribute of an object, as Attribute reads one.
func SetAttribute(ctx context.Context, object any, name string, value any) error {
	if remote, ok := object.(*Object); ok {
		return remote.Set(ctx, name, value)
	}
	member, err := memberOf(object, name)
	switch {
	case err != nil:
		return err
	case member == nil:
		haver, isHaver := object.(AttrHaver)
		setter, isSetter := object.(AttrSetter)
		if isHaver && isSetter && haver.HasAttrRPyC(ctx, name) {
			return setter.SetAttrRPyC(ctx, name, value)
		}
	case member.set != nil:
		_, err := member.set.call(ctx, object, []any{value})
		return err
	}
	return missing(object, name)
}

func missing(object any, name string) error {
	return Raise("AttributeError", "'"+pythonType(object)+"' object has no attribute '"+name+"'")
}

// memberOf finds what a value has under a name; nil: nothing.
func memberOf(object any, name string) (*member, error) {
	of, err := classFor(reflect.TypeOf(object))
	if err != nil {
		return nil, err
	}
	for _, wanted := range []string{of.prefix + name, exposedPrefix + name, name} {
		for i := range of.members {
			if of.members[i].name == wanted {
				return &of.members[i], nil
			}
		}
	}
	return nil, nil
}

// View is an object of which peers can use some attributes and no others, see Restricted.
type View struct {
	object             any
	readable, writable map[string]bool
}

// Restricted makes a view of an object, a pointer to a struct or an Object of a peer, that lets peers read and set the
// attributes with these names and nothing else, whatever the usual rules say: Python's restricted(). Methods are read, so their
// names are among the readable ones. Unlike in Python, what is readable is writable only if that is said.
func Restricted(object any, readable, writable []string) *View {
	view := &View{object, map[string]bool{}, map[string]bool{}}
	for _, name := range readable {
		view.readable[name] = true
	}
	for _, name := range writable {
		view.writable[name] = true
	}
	return view
}

// DescribeRPyC names the class.
func (*View) DescribeRPyC(c *Class) { c.Name("librpyc", "Restricted") }

// GetAttrRPyC reads what is readable.
func (v *View) GetAttrRPyC(ctx context.Context, name string) (any, error) {
	if !v.readable[name] {
		return nil, refused(name, "restricted: not readable")
	}
	return Attribute(ctx, v.object, name)
}

// SetAttrRPyC sets what is writable.
func (v *View) SetAttrRPyC(ctx context.Context, name string, value any) error {
	if !v.writable[name] {
		return refused(name, "restricted: not writable")
	}
	return SetAttribute(ctx, v.object, name, value)
}

// DelAttrRPyC deletes nothing.
func (v *View) DelAttrRPyC(_ context.Context, name string) error {
	return refused(name, "restricted: not writable")
}

// refused is the exception of RPyC's own views; the attribute tells it from one of the object.
func refused(name, rule string) error {
	return &Exception{Type: "AttributeError", Args: []any{name}, Attributes: map[string]any{"refused_by": rule}}
}
