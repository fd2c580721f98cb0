package rpyc_test

import (
	"context"
	"errors"
	"testing"

	"rpyc"
)

// Judge checks objects and classes of others.
type Judge struct{}

func (*Judge) Instance(ctx context.Context, obj, class *rpyc.Object) (bool, error) {
	return obj.IsInstance(ctx, class)
}

func (*Judge) Make(ctx context.Context, class *rpyc.Object, args ...any) (any, error) {
	return class.Call(ctx, args...)
}

func (*Judge) Kind(obj *rpyc.Object) rpyc.Tuple { return rpyc.Tuple{obj.TypeName(), obj.IsClass()} }
func (*Judge) Echo(value any) any               { return value }

// A Go class is the same class on all connections.
func TestClassesAreTheSameOnAllConnections(t *testing.T) {
	addr, _ := serve(t, &Shelf{book: Book{"Go", 3}, left: make(chan struct{})})
	ctx := within(t)
	var books, classes [2]*rpyc.Object
	for i := range books {
		conn := dial(t, addr)
		books[i] = must[*rpyc.Object](t)(rpyc.Call[*rpyc.Object](ctx, conn.Root(), "book"))
		classes[i] = must[*rpyc.Object](t)(rpyc.Call[*rpyc.Object](ctx, conn.Root(), "class"))
	}
	for i := range books {
		equal(t, must[bool](t)(books[i].IsInstance(ctx, classes[1-i])), true)
		equal(t, must[bool](t)(classes[i].IsInstance(ctx, classes[1-i])), false)
		made := must[*rpyc.Object](t)(rpyc.Invoke[*rpyc.Object](ctx, classes[i], "New"))
		equal(t, must[bool](t)(made.IsInstance(ctx, classes[1-i])), true)
	}
}

// A class of one connection is a class on another.
func TestClassesPassedOn(t *testing.T) {
	ctx := within(t)
	shelfAddr, _ := serve(t, &Shelf{book: Book{"Go", 3}, left: make(chan struct{})})
	judgeAddr, _ := serve(t, &Judge{})
	shelf, judge := dial(t, shelfAddr), dial(t, judgeAddr)
	book := must[*rpyc.Object](t)(rpyc.Call[*rpyc.Object](ctx, shelf.Root(), "book"))
	class := must[*rpyc.Object](t)(rpyc.Call[*rpyc.Object](ctx, shelf.Root(), "class"))
	equal(t, must[rpyc.Tuple](t)(rpyc.Call[rpyc.Tuple](ctx, judge.Root(), "kind", class)), rpyc.Tuple{class.TypeName(), true})
	equal(t, must[rpyc.Tuple](t)(rpyc.Call[rpyc.Tuple](ctx, judge.Root(), "kind", book)), rpyc.Tuple{book.TypeName(), false})
	instance := func(obj, class any) bool {
		return must[bool](t)(rpyc.Call[bool](ctx, judge.Root(), "instance", obj, class))
	}
	equal(t, instance(book, class), true)
	equal(t, instance(class, class), false)
	equal(t, instance(shelf.Root(), class), false)
	made := must[any](t)(judge.Root().CallMethod(ctx, "make", class, "New", 7)).(*rpyc.Object)
	equal(t, must[int](t)(made.Len(ctx)), 7)
	equal(t, must[bool](t)(made.IsInstance(ctx, class)), true)
	equal(t, instance(made, class), true)
	// The class comes back as itself.
	equal(t, must[any](t)(judge.Root().CallMethod(ctx, "echo", class)).(*rpyc.Object).Same(class), true)
	// Objects and classes of different connections.
	other := dial(t, shelfAddr)
	same := must[*rpyc.Object](t)(rpyc.Call[*rpyc.Object](ctx, other.Root(), "class"))
	equal(t, must[bool](t)(book.IsInstance(ctx, same)), true)
	equal(t, must[bool](t)(judge.Root().IsInstance(ctx, same)), false)
	if err := second(book.IsInstance(ctx, made)); !errors.Is(err, rpyc.ErrType) {
		t.Errorf("got %v", err)
	}
}
