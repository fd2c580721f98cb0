package rpyc

import (
	"context"
	"errors"
	"reflect"
)

// Items is a loop over a remote iterable:
//
//	items := rpyc.Iterate[string](ctx, names)
//	for items.Next() {
//		fmt.Println(items.Value())
//	}
//	return items.Err()
//
// Only one goroutine may use it at a time.
type Items[T any] struct {
	ctx    context.Context
	source *Object
	chunk  int // number of items per request; 0: one, without chunks
	start  bool
	ready  []any
	value  T
	done   bool
	err    error
}

// Iterate loops over a remote iterable, with one request for each item.
func Iterate[T any](ctx context.Context, obj *Object) *Items[T] {
	return &Items[T]{ctx: ctx, source: obj, start: true}
}

// IterateChunks loops over a remote iterable and requests chunk items at a time. If the iterable fails, the items of
// the same chunk before the failure are lost.
func IterateChunks[T any](ctx context.Context, obj *Object, chunk int) *Items[T] {
	return &Items[T]{ctx: ctx, source: obj, start: true, chunk: chunk}
}

// Next advances to the next item. It returns false at the end or if Err has an error.
func (it *Items[T]) Next() bool {
	if it.done {
		return false
	}
	item, more, err := it.next()
	if err == nil && more {
		it.value, err = as[T](it.ctx, item)
	}
	it.err = err
	if err != nil || !more {
		it.finish()
		return false
	}
	return true
}

func (it *Items[T]) next() (item any, more bool, err error) {
	if it.start {
		it.start = false
		iterator, err := Call[*Object](it.ctx, it.source, "__iter__")
		if err != nil {
			it.source = nil
			return nil, false, err
		}
		it.source = iterator
	}
	if it.chunk <= 0 {
		item, err := it.source.CallMethod(it.ctx, "__next__")
		if errors.Is(err, Type("StopIteration")) {
			return nil, false, nil
		}
		return item, err == nil, err
	}
	if len(it.ready) == 0 {
		value, err := it.source.ask(it.ctx, handleBuffIter, "", it.chunk)
		if err != nil {
			return nil, false, err
		}
		if it.ready, err = as[[]any](it.ctx, value); err != nil || len(it.ready) == 0 {
			return nil, false, err
		}
		if it.ready, err = plainItems(it.ctx, it.ready, reflect.TypeOf(&it.value).Elem()); err != nil {
			return nil, false, err
		}
	}
	item, it.ready = it.ready[0], it.ready[1:]
	return item, true, nil
}

func (it *Items[T]) finish() {
	it.done = true
	if !it.start && it.source != nil {
		it.source.Close()
	}
}

// Value returns the current item.
func (it *Items[T]) Value() T { return it.value }

// Err returns the error that ended the loop; nil if it ended after the last item.
func (it *Items[T]) Err() error { return it.err }

// Stop ends the loop early and releases the iterator. It is not needed after a complete loop.
func (it *Items[T]) Stop() {
	if !it.done {
		it.finish()
	}
}

// fetchChunk is the number of items fetched with one request.
const fetchChunk = 500

// fetch fetches all items of a remote iterable.
func (o *Object) fetch(ctx context.Context) ([]any, error) {
	items := IterateChunks[any](ctx, o, fetchChunk)
	defer items.Stop()
	var all []any
	for items.Next() {
		if len(all) >= o.conn.options.fetchLimit {
			return nil, tooMany()
		}
		all = append(all, items.Value())
	}
	if err := items.Err(); err != nil {
		if errors.Is(err, Type("AttributeError")) {
			return nil, wrong("list or tuple", o)
		}
		return nil, err
	}
	return all, nil
}

// fetchDict fetches all entries of a remote dict.
func (o *Object) fetchDict(ctx context.Context) (Dict, error) {
	view, err := Call[*Object](ctx, o, "items")
	if err != nil {
		if errors.Is(err, Type("AttributeError")) {
			return o.fetchByKeys(ctx)
		}
		return nil, err
	}
	defer view.Close()
	items, err := view.fetch(ctx)
	if err != nil {
		return nil, err
	}
	dict := make(Dict, 0, len(items))
	for _, item := range items {
		pair, ok := item.(Tuple)
		if !ok || len(pair) != 2 {
			return nil, wrong("dict", o)
		}
		dict = append(dict, Item{pair[0], pair[1]})
	}
	return dict, nil
}

// fetchByKeys fetches the entries of a dict whose items() the peer denies.
func (o *Object) fetchByKeys(ctx context.Context) (Dict, error) {
	keys, err := o.fetch(ctx)
	if err != nil {
		return nil, err
	}
	dict := make(Dict, 0, len(keys))
	for _, key := range keys {
		value, err := o.Item(ctx, key)
		if err != nil {
			return nil, err
		}
		dict = append(dict, Item{key, value})
	}
	return dict, nil
}
