// Command times checks dates and times in Go: "times call ADDRESS" calls tests/run/clients/times_server.py, "times
// serve" is a service that takes and returns them, for times_bindings.py, and "times deliver ADDRESS" makes them at a
// classic server.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"math"
	"os"
	"reflect"
	"strings"
	"time"

	"rpyc"
)

var passed, failed int

func check(good bool, what ...any) {
	if good {
		passed++
		return
	}
	failed++
	fmt.Fprintln(os.Stderr, append([]any{"not so:"}, what...)...)
}

var (
	east = time.FixedZone("", 19800)
	noon = time.Date(2024, 2, 29, 12, 0, 0, 0, time.UTC)
)

// wanted are the things of clients/time_things.py in Go. Go's time.Time has no fold.
var wanted = []any{
	rpyc.Date{Year: 2026, Month: 11, Day: 30}, rpyc.Date{Year: 1, Month: 1, Day: 1}, rpyc.Date{Year: 9999, Month: 12, Day: 31},
	rpyc.Clock{}, rpyc.Clock{Hour: 23, Minute: 59, Second: 58, Microsecond: 999999}, rpyc.Clock{Hour: 1, Minute: 30},
	rpyc.Clock{Hour: 12, Second: 5, Aware: true, Offset: 19800 * time.Second},
	time.Date(2026, 11, 30, 15, 30, 10, 5000, rpyc.Naive), time.Date(2026, 10, 25, 2, 30, 0, 0, rpyc.Naive),
	time.Date(1, 1, 1, 0, 0, 0, 0, rpyc.Naive), time.Date(9999, 12, 31, 23, 59, 59, 999999000, rpyc.Naive),
	noon, noon.In(east), noon.Add(2 * time.Microsecond),
	rpyc.TimeDelta{}, rpyc.TimeDelta{Days: 1, Seconds: 2, Microseconds: 3}, rpyc.TimeDelta{Days: -1, Seconds: 86399, Microseconds: 999999},
	rpyc.TimeDelta{Days: 999999999, Seconds: 86399, Microseconds: 999999}, rpyc.TimeDelta{Days: -999999999},
	rpyc.TimeZone{}, rpyc.TimeZone{Offset: 19800 * time.Second}, rpyc.TimeZone{Offset: -3*time.Hour - time.Microsecond},
}

func same(a, b any) bool {
	left, ok := a.(time.Time)
	right, both := b.(time.Time)
	if ok && both {
		return left.Equal(right) && (left.Location() == rpyc.Naive) == (right.Location() == rpyc.Naive)
	}
	return reflect.DeepEqual(a, b)
}

func as[T any](ctx context.Context, root *rpyc.Object, index int) (T, error) {
	return rpyc.Call[T](ctx, root, "thing", index)
}

func call(ctx context.Context, root *rpyc.Object) {
	for i, want := range wanted {
		thing, err := root.CallMethod(ctx, "thing", i)
		check(err == nil, err)
		copied, err := rpyc.Obtain(ctx, thing)
		check(err == nil && same(copied, want), i, "is", copied, "not", want, err)
	}
	all, err := rpyc.Call[[]map[string][]any](ctx, root, "all")
	check(err == nil && len(all) == 1 && len(all[0]["things"]) == 2, all, err)
	moment, err := as[time.Time](ctx, root, 12)
	check(err == nil && moment.Equal(noon), moment, err)
	_, offset := moment.Zone()
	check(offset == 19800, "the offset is kept", offset)
	naive, err := as[time.Time](ctx, root, 7)
	check(err == nil && naive.Location() == rpyc.Naive && naive.Nanosecond() == 5000, naive, err)
	day, err := as[rpyc.Date](ctx, root, 0)
	check(err == nil && day.String() == "2026-11-30", day, err)
	span, err := as[time.Duration](ctx, root, 15)
	check(err == nil && span == 24*time.Hour+2*time.Second+3*time.Microsecond, span, err)
	_, err = as[time.Duration](ctx, root, 17)
	check(errors.Is(err, rpyc.ErrRange), err)
	delta, err := as[rpyc.TimeDelta](ctx, root, 17)
	check(err == nil && delta.Days == 999999999, delta, err)
	clock, err := as[rpyc.Clock](ctx, root, 4)
	check(err == nil && clock.Second == 58, clock, err)
	_, err = as[time.Time](ctx, root, 0)
	check(errors.Is(err, rpyc.ErrType) && strings.Contains(err.Error(), "datetime.datetime"), err)
	_, err = as[rpyc.Date](ctx, root, 11)
	check(errors.Is(err, rpyc.ErrType), err)
	for _, sent := range []struct {
		value any
		text  string
	}{
		{noon, "datetime 2024-02-29 12:00:00+00:00"},
		{noon.In(east), "datetime 2024-02-29 17:30:00+05:30"},
		{time.Date(2024, 2, 29, 12, 0, 0, 1999, rpyc.Naive), "datetime 2024-02-29 12:00:00.000001"},
		{rpyc.Date{Year: 2024, Month: 2, Day: 29}, "date 2024-02-29"},
		{rpyc.Clock{Hour: 1}, "time 01:00:00"},
		{rpyc.NewTimeDelta(-time.Microsecond), "timedelta -1 day, 23:59:59.999999"},
		{rpyc.NewTimeDelta(math.MinInt64), "timedelta -106752 days, 0:12:43.145224"},
		{rpyc.TimeZone{Offset: time.Hour}, "timezone UTC+01:00"},
		{1500 * time.Millisecond, "float 1.5"},
	} {
		text, err := rpyc.Call[string](ctx, root, "take", sent.value)
		check(err == nil && text == sent.text, text, "is not", sent.text, err)
	}
	for _, wrong := range []any{time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC), rpyc.Date{Year: 2023, Month: 2, Day: 29}, rpyc.Clock{Hour: 24},
		rpyc.TimeDelta{Days: 1000000000}, rpyc.TimeZone{Offset: 24 * time.Hour}, rpyc.Date{Year: math.MaxInt, Month: 1, Day: 1}} {
		_, err := root.CallMethod(ctx, "take", wrong)
		check(errors.Is(err, rpyc.ErrRange), wrong, err)
	}
}

// deliver makes every thing at a classic server and copies it back.
func deliver(ctx context.Context, classic *rpyc.Classic) {
	repr := func(value any) string {
		there, err := classic.Deliver(ctx, value)
		if err != nil {
			return err.Error()
		}
		text, err := classic.Call(ctx, "", "repr", there)
		if err != nil {
			return err.Error()
		}
		return text.(string)
	}
	for _, one := range []struct {
		value any
		repr  string
	}{
		{noon, "datetime.datetime(2024, 2, 29, 12, 0, tzinfo=datetime.timezone.utc)"},
		{noon.In(east), "datetime.datetime(2024, 2, 29, 17, 30, tzinfo=datetime.timezone(datetime.timedelta(seconds=19800)))"},
		{time.Date(2024, 2, 29, 12, 0, 0, 1999, rpyc.Naive), "datetime.datetime(2024, 2, 29, 12, 0, 0, 1)"},
		{rpyc.Date{Year: 2024, Month: 2, Day: 29}, "datetime.date(2024, 2, 29)"},
		{rpyc.Clock{Hour: 1, Fold: true}, "datetime.time(1, 0, fold=1)"},
		{rpyc.NewTimeDelta(90 * time.Second), "datetime.timedelta(seconds=90)"},
		{rpyc.TimeZone{}, "datetime.timezone.utc"},
		{rpyc.ByteArray("ab"), "bytearray(b'ab')"},
		{rpyc.Range{Start: 1, Stop: 10, Step: 3}, "range(1, 10, 3)"},
		{rpyc.Range{Stop: 4}, "range(0, 4)"},
		{rpyc.Slice{Start: int64(1)}, "slice(1, None, None)"},
		{complex(1, -2), "(1-2j)"},
		{rpyc.Ellipsis, "Ellipsis"},
		{[]any{rpyc.Tuple{rpyc.Date{Year: 1, Month: 1, Day: 1}}, map[string]any{"b": rpyc.ByteArray(nil)}}, "[(datetime.date(1, 1, 1),), {'b': bytearray(b'')}]"},
	} {
		check(repr(one.value) == one.repr, repr(one.value), "is not", one.repr)
	}
	for _, want := range wanted {
		there, err := classic.Deliver(ctx, []any{want})
		check(err == nil, err)
		back, err := rpyc.Obtain(ctx, there)
		items, _ := back.([]any)
		check(err == nil && len(items) == 1 && same(items[0], want), "there and back", want, back, err)
	}
}

type service struct{}

type meeting struct {
	at     time.Time
	length time.Duration
}

func (m *meeting) End() time.Time { return m.at.Add(m.length) }

func (*service) Moment(value time.Time) int64        { return value.UnixMicro() }
func (*service) MomentNamed(value time.Time) int64   { return value.UnixMicro() }
func (*service) Moments(values []time.Time) int      { return len(values) }
func (*service) FromMoment(value int64) time.Time    { return time.UnixMicro(value).UTC() }
func (*service) Span(value time.Duration) int64      { return microseconds(value) }
func (*service) SpanNamed(value time.Duration) int64 { return microseconds(value) }
func (*service) Day(value rpyc.Date) time.Time       { return value.In(time.UTC) }
func (*service) DayNamed(value rpyc.Date) rpyc.Date  { return value }
func (*service) FromSpan(value int64) rpyc.TimeDelta {
	return rpyc.NewTimeDelta(time.Duration(value) * time.Microsecond)
}
func (*service) Meet(at time.Time, length time.Duration) *meeting { return &meeting{at, length} }
func (*service) MaybeSpan(value *time.Duration) int64 {
	if value == nil {
		return -1
	}
	return microseconds(*value)
}

func microseconds(d time.Duration) int64 { return d.Microseconds() }

func (*service) DescribeRPyC(c *rpyc.Class) {
	c.Method("moment_named(value)", "MomentNamed")
	c.Method("span_named(value)", "SpanNamed")
	c.Method("day_named(value)", "DayNamed")
	c.Method("maybe_span(value=None)", "MaybeSpan")
	c.Method("Meeting(at, length)", "Meet")
}

func main() {
	log.SetFlags(0)
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	switch {
	case len(os.Args) == 3 && os.Args[1] == "call":
		conn, err := rpyc.Dial(ctx, os.Args[2])
		if err != nil {
			log.Fatal(err)
		}
		defer conn.Close()
		call(ctx, conn.Root())
		fmt.Printf("%d passed, %d failed\n", passed, failed)
	case len(os.Args) == 3 && os.Args[1] == "deliver":
		classic, err := rpyc.DialClassic(ctx, os.Args[2])
		if err != nil {
			log.Fatal(err)
		}
		defer classic.Conn().Close()
		deliver(ctx, classic)
		fmt.Printf("%d passed, %d failed\n", passed, failed)
	case len(os.Args) == 2 && os.Args[1] == "serve":
		listener, err := rpyc.Listen(ctx, "tcp://127.0.0.1:0")
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("listening %s://%s\n", listener.Addr().Network(), listener.Addr())
		if err := rpyc.NewServer(&service{}).Serve(ctx, listener); err != nil {
			log.Fatal(err)
		}
	default:
		log.Fatal("usage: times call ADDRESS, times deliver ADDRESS, or times serve")
	}
}
