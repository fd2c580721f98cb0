package rpyc

import (
	"context"
	"reflect"
	"time"
)

// delivering converts Go containers to real containers of a classic server.
type delivering struct {
	classic *Classic
	ctx     context.Context
}

func (d *delivering) value(value any, depth int) (any, error) {
	if depth == 0 {
		return nil, problemf(ErrType, "a value is nested over %d levels, or contains itself", obtainDepth)
	}
	switch v := value.(type) {
	case nil, []byte, *Object, Slice:
		return value, nil
	case Tuple:
		return d.all(v, depth)
	case FrozenSet:
		items, err := d.all(v, depth)
		return FrozenSet(items), err
	case *LiveList:
		return d.made("list", v.Items(), depth)
	case *LiveDict:
		return d.dict(v.Entries(), depth)
	case Dict:
		return d.dict(v, depth)
	}
	if timeNames[reflect.TypeOf(value)] != "" {
		return d.time(value)
	}
	switch v := value.(type) {
	case ByteArray:
		return d.classic.Call(d.ctx, "", "bytearray", []byte(v))
	case Range:
		step := v.Step
		if step == 0 {
			step = 1
		}
		return d.classic.Call(d.ctx, "", "range", v.Start, v.Stop, step)
	}
	v := reflect.ValueOf(value)
	switch v.Kind() {
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return value, nil
		}
		return d.made("list", itemsIn(v), depth)
	case reflect.Array:
		return d.all(itemsIn(v), depth)
	case reflect.Map:
		entries := sortedEntries(v)
		dict := make(Dict, len(entries))
		keys := make([]any, len(entries))
		for i, entry := range entries {
			keys[i] = entry.key.Interface()
			dict[i] = Item{keys[i], entry.value.Interface()}
		}
		if isSet(v.Type()) {
			return d.made("set", keys, depth)
		}
		return d.dict(dict, depth)
	}
	return value, nil
}

func itemsIn(v reflect.Value) []any {
	items := make([]any, v.Len())
	for i := range items {
		items[i] = v.Index(i).Interface()
	}
	return items
}

func (d *delivering) all(from []any, depth int) (Tuple, error) {
	items := make(Tuple, len(from))
	for i, item := range from {
		var err error
		if items[i], err = d.value(item, depth-1); err != nil {
			return nil, err
		}
	}
	return items, nil
}

// made calls a type of the peer's builtins with the items.
func (d *delivering) made(kind string, from []any, depth int) (any, error) {
	items, err := d.all(from, depth)
	if err != nil {
		return nil, err
	}
	return d.classic.Call(d.ctx, "", kind, items)
}

func (d *delivering) dict(from Dict, depth int) (any, error) {
	pairs := make(Tuple, len(from))
	for i, entry := range from {
		pair, err := d.all([]any{entry.Key, entry.Value}, depth)
		if err != nil {
			return nil, err
		}
		pairs[i] = pair
	}
	return d.classic.Call(d.ctx, "", "dict", pairs)
}

// ByteArray is []byte that Deliver converts to a bytearray. Elsewhere it is bytes.
type ByteArray []byte

// Range is converted by Deliver to a range. Step 0 means 1.
type Range struct{ Start, Stop, Step int64 }

// time makes a value of one of datetime's types. A time.Duration becomes a number of seconds, as elsewhere.
func (d *delivering) time(value any) (any, error) {
	switch v := value.(type) {
	case time.Time:
		date, clock := fieldsOf(v)
		args := []any{date.Year, int(date.Month), date.Day}
		return d.clock("datetime", args, clock)
	case Clock:
		return d.clock("time", nil, v)
	case Date:
		return d.classic.Call(d.ctx, "datetime", "date", v.Year, int(v.Month), v.Day)
	case TimeDelta:
		return d.classic.Call(d.ctx, "datetime", "timedelta", v.Days, v.Seconds, v.Microseconds)
	case TimeZone:
		return d.zone(v.Offset)
	}
	return value, nil
}

func (d *delivering) clock(kind string, args []any, clock Clock) (any, error) {
	args = append(args, clock.Hour, clock.Minute, clock.Second, clock.Microsecond)
	keywords := Keywords{"fold": number(clock.Fold)}
	if clock.Aware {
		zone, err := d.zone(clock.Offset)
		if err != nil {
			return nil, err
		}
		keywords["tzinfo"] = zone
	}
	return d.classic.Call(d.ctx, "datetime", kind, append(args, keywords)...)
}

func (d *delivering) zone(offset time.Duration) (any, error) {
	delta, err := d.classic.Call(d.ctx, "datetime", "timedelta", 0, 0, microseconds(offset))
	if err != nil {
		return nil, err
	}
	return d.classic.Call(d.ctx, "datetime", "timezone", delta)
}
