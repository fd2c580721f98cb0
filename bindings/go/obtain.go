package rpyc

import "context"

// obtainDepth is the maximum depth of the containers that Obtain copies.
const obtainDepth = 100

// Obtain copies plain data of the peer with its contents: a list becomes []any, a dict or the like becomes a Dict, a
// set becomes a FrozenSet, and a tuple stays one. It sends only requests that every RPyC server allows. It fails for an
// object that is not plain data and for a container that contains itself. Call[T] and the like copy into Go types.
func Obtain(ctx context.Context, value any) (any, error) {
	limit := defaultFetchLimit
	if object, ok := value.(*Object); ok {
		limit = object.conn.options.fetchLimit
	}
	return (&obtaining{ctx, limit}).value(value, obtainDepth)
}

// As converts a value to T as Call converts results: a value received as any, or an Object to be copied.
func As[T any](ctx context.Context, value any) (T, error) { return as[T](ctx, value) }

type obtaining struct {
	ctx  context.Context
	left int // number of items that may still be copied
}

func (o *obtaining) value(value any, depth int) (any, error) {
	if depth == 0 {
		return nil, problemf(ErrLimit, "cannot copy the object: it is nested over %d levels, or contains itself", obtainDepth)
	}
	switch v := value.(type) {
	case Tuple:
		items, err := o.items(v, depth)
		return Tuple(items), err
	case FrozenSet:
		items, err := o.items(v, depth)
		return FrozenSet(items), err
	case []any:
		return o.items(v, depth)
	case *LiveList:
		return o.items(v.Items(), depth)
	case Dict:
		return o.dict(v, depth)
	case *LiveDict:
		return o.dict(v.Entries(), depth)
	case octets:
		return []uint8(v), nil
	case *Object:
		return o.object(v, depth)
	}
	return value, nil
}

func (o *obtaining) items(from []any, depth int) ([]any, error) {
	if o.left -= len(from); o.left < 0 {
		return nil, tooMany()
	}
	items := make([]any, len(from))
	for i, item := range from {
		var err error
		if items[i], err = o.value(item, depth-1); err != nil {
			return nil, err
		}
	}
	return items, nil
}

func (o *obtaining) dict(from Dict, depth int) (Dict, error) {
	dict := make(Dict, len(from))
	for i, entry := range from {
		pair, err := o.items([]any{entry.Key, entry.Value}, depth)
		if err != nil {
			return nil, err
		}
		dict[i] = Item{pair[0], pair[1]}
	}
	return dict, nil
}

func (o *obtaining) object(object *Object, depth int) (any, error) {
	if kept, ours := object.kept(); ours {
		return o.value(kept, depth)
	}
	switch object.TypeName() {
	case "builtins.dict", "builtins.mappingproxy", "collections.OrderedDict", "collections.defaultdict", "collections.Counter":
		dict, err := object.fetchDict(o.ctx)
		if err != nil {
			return nil, err
		}
		return o.dict(dict, depth)
	case "builtins.list", "collections.deque", "builtins.range", "builtins.dict_keys", "builtins.dict_values",
		"builtins.dict_items":
		return o.fetched(object, depth)
	case "builtins.set", "builtins.frozenset":
		items, err := o.fetched(object, depth)
		return FrozenSet(items), err
	case "builtins.tuple":
		items, err := o.fetched(object, depth)
		return Tuple(items), err
	}
	if name := timeOf(object); name != "" {
		text, err := object.Str(o.ctx)
		if err != nil {
			return nil, err
		}
		return parseTime(name, text)
	}
	if name, args := scalarMethod(object); name != "" {
		return object.CallMethod(o.ctx, name, args...)
	}
	if object.isArray() {
		array, err := object.array(o.ctx)
		if bytes, ok := array.(octets); ok && object.TypeName() == "builtins.bytearray" {
			return []byte(bytes), err
		}
		if items, ok := array.([]any); ok && err == nil {
			return o.items(items, depth)
		}
		return plainOctets(array), err
	}
	return nil, problemf(ErrType, "cannot copy a %s: it is not plain data", object.TypeName())
}

// plainOctets converts octets to a type that other packages can name.
func plainOctets(array any) any {
	if bytes, ok := array.(octets); ok {
		return []uint8(bytes)
	}
	return array
}

func (o *obtaining) fetched(object *Object, depth int) ([]any, error) {
	items, err := object.fetch(o.ctx)
	if err != nil {
		return nil, err
	}
	return o.items(items, depth)
}

// tooMany is the error for a peer's container that has more items than may be fetched.
func tooMany() error {
	return problemf(ErrLimit, "the container has more items than the limit of WithFetchLimit")
}
