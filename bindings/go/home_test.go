package rpyc_test

import (
	"errors"
	"io"
	"strings"
	"testing"

	"rpyc"
)

// Objects of this process that a peer passes on to its lists and dicts are what they are in Python.
func TestOwnComesHome(t *testing.T) {
	ctx := within(t)
	call := func(container any, name string, arg any) (any, error) {
		return must[any](t)(rpyc.Attribute(ctx, container, name)).(*rpyc.Function).Call(ctx, arg)
	}
	list := rpyc.NewLiveList()
	must[any](t)(call(list, "extend", (&membership{}).Squares()))
	equal(t, list.Len(), 4)

	dict := must[*rpyc.LiveDict](t)(rpyc.NewLiveDict())
	pairs := []rpyc.Tuple{{"a", 1}, {"b", 2}}
	must[any](t)(call(dict, "update", rpyc.NewIterator(func() (any, error) {
		if len(pairs) == 0 {
			return nil, io.EOF
		}
		pair := pairs[0]
		pairs = pairs[1:]
		return pair, nil
	})))
	equal(t, dict.Len(), 2)

	failing := rpyc.NewIterator(func() (any, error) { return nil, rpyc.Raise("LookupError", "broken") })
	if err := second(call(list, "extend", failing)); !errors.Is(err, rpyc.Type("LookupError")) {
		t.Fatalf("got %v", err)
	}
	class := must[*rpyc.ClassObject](t)(rpyc.ClassOf(&membership{}))
	if err := second(call(list, "pop", class)); err == nil || !strings.Contains(err.Error(), "must be int, not type") {
		t.Fatalf("got %v", err)
	}
}

// Lists and dicts are no keys, as in Python.
func TestUnhashableKeys(t *testing.T) {
	dict := must[*rpyc.LiveDict](t)(rpyc.NewLiveDict())
	for _, key := range []any{rpyc.NewLiveList(), dict, rpyc.Tuple{1, rpyc.NewLiveList()}} {
		if err := dict.Set(key, 1); !errors.Is(err, rpyc.Type("TypeError")) {
			t.Fatalf("%T: got %v", key, err)
		}
	}
}
