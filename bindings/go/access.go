package rpyc

import (
	"context"
	"reflect"
	"strings"
)

// AttrGetter is implemented by types with their own rules for reading attributes, Python's _rpyc_getattr. Each read of
// an attribute by a peer calls GetAttrRPyC with the name that the peer sent, and no other rule applies. To call a
// method, a peer reads it first. Attribute returns the value that the usual rules give. An error becomes an exception;
// the usual one is Raise("AttributeError", name). None of these methods is exposed.
//
// For a type that also implements AttrHaver, the attributes are dynamic and the usual rules apply.
type AttrGetter interface {
	GetAttrRPyC(ctx context.Context, name string) (any, error)
}

// AttrSetter is implemented by types with their own rules for setting attributes, Python's _rpyc_setattr; see
// AttrGetter.
type AttrSetter interface {
	SetAttrRPyC(ctx context.Context, name string, value any) error
}

// AttrDeleter is implemented by types with their own rules for deleting attributes, Python's _rpyc_delattr; see
// AttrGetter.
type AttrDeleter interface {
	DelAttrRPyC(ctx context.Context, name string) error
}

// AttrHaver is implemented by types whose attributes are only known at run time, Python's __getattr__. HasAttrRPyC
// reports whether there is an attribute with this name, beyond the methods and properties of the type. The usual rules
// decide which names peers may use: by default those with the prefix "exposed_", which a peer may omit. For these names
// GetAttrRPyC, SetAttrRPyC and DelAttrRPyC are called, if the type has them.
type AttrHaver interface {
	HasAttrRPyC(ctx context.Context, name string) bool
}

var (
	getterType  = reflect.TypeOf((*AttrGetter)(nil)).Elem()
	setterType  = reflect.TypeOf((*AttrSetter)(nil)).Elem()
	deleterType = reflect.TypeOf((*AttrDeleter)(nil)).Elem()
	haverType   = reflect.TypeOf((*AttrHaver)(nil)).Elem()
)

// rules are the kinds of access that a type controls itself.
type rules struct{ get, set, del, dynamic bool }

func rulesOf(t reflect.Type) rules {
	if t.Implements(haverType) {
		return rules{dynamic: true}
	}
	return rules{get: t.Implements(getterType), set: t.Implements(setterType), del: t.Implements(deleterType)}
}

// byName handles an access to an attribute by name.
func (s *served) byName(ctx context.Context, args []any) (any, error) {
	name, _ := args[0].(string)
	haver, dynamic := s.receiver.(AttrHaver)
	switch s.event.asks {
	case asksExists:
		return dynamic && haver.HasAttrRPyC(ctx, name), nil
	case asksGet, asksDel:
		// Names that the rules allow are passed on whether they exist or not. An attribute that is set may be new.
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

// callable wraps a method or function of the peer in a local Function. The peer may call what it reads; for its own
// method the library would then have to wait for the peer.
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

// Attribute reads an attribute of an object. For an Object, it sends a request to the peer. For a pointer to a struct,
// it reads the attribute as this program sees it: a method becomes a Function, a property is read, and names are found
// with and without "exposed_". An AttrGetter of the object is not called, so it can use Attribute itself.
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

// boundMethod makes a Function of a method and its object.
func boundMethod(object any, m *member) *Function {
	name := m.name
	if of, err := classFor(reflect.TypeOf(object)); err == nil {
		name = strings.TrimPrefix(name, of.prefix)
	}
	return &Function{strings.TrimPrefix(name, exposedPrefix), m.signature, m.call, object}
}

// SetAttribute sets an attribute of an object; see Attribute.
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

// memberOf finds the member of a value by name; nil if there is none.
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

// View is an object of which peers can use some attributes and no others; see Restricted.
type View struct {
	object             any
	readable, writable map[string]bool
}

// Restricted returns a view of an object, which is a pointer to a struct or an Object of a peer. Peers can read and set
// the named attributes and no others, whatever the usual rules say: Python's restricted(). To call a method, a peer
// reads it, so its name must be readable. Unlike in Python, a readable attribute is not writable unless it is listed as
// such.
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

// DescribeRPyC sets the name of the class.
func (*View) DescribeRPyC(c *Class) { c.Name("librpyc", "Restricted") }

// GetAttrRPyC reads a readable attribute.
func (v *View) GetAttrRPyC(ctx context.Context, name string) (any, error) {
	if !v.readable[name] {
		return nil, refused(name, "restricted: not readable")
	}
	return Attribute(ctx, v.object, name)
}

// SetAttrRPyC sets a writable attribute.
func (v *View) SetAttrRPyC(ctx context.Context, name string, value any) error {
	if !v.writable[name] {
		return refused(name, "restricted: not writable")
	}
	return SetAttribute(ctx, v.object, name, value)
}

// DelAttrRPyC denies every deletion.
func (v *View) DelAttrRPyC(_ context.Context, name string) error {
	return refused(name, "restricted: not writable")
}

// refused returns the exception of RPyC's own views. Its attribute tells it from an AttributeError of the object.
func refused(name, rule string) error {
	return &Exception{Type: "AttributeError", Args: []any{name}, Attributes: map[string]any{"refused_by": rule}}
}
