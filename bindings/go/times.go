package rpyc

import (
	"fmt"
	"math"
	"math/big"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// Naive is the location of a time.Time that is a naive datetime of Python's: its clock is known, and not where. Such a time
// arrives with it, and one that has it is sent as naive. Everything else takes it for UTC.
var Naive = time.FixedZone("naive", 0)

// Date is a datetime.date.
type Date struct {
	Year  int
	Month time.Month
	Day   int
}

// Clock is a datetime.time.
type Clock struct {
	Hour, Minute, Second, Microsecond int
	Fold                              bool
	// Aware tells whether the offset from UTC is known.
	Aware  bool
	Offset time.Duration
}

// TimeDelta is a datetime.timedelta in Python's own form: Seconds from 0 to 86399, Microseconds from 0 to 999999. What is sent may
// have fields of any size. A time.Duration is sent as seconds instead, a float, as time.sleep takes it.
type TimeDelta struct {
	Days, Seconds, Microseconds int64
}

// TimeZone is a datetime.timezone, whose offset never changes.
type TimeZone struct {
	Offset time.Duration
}

// NewTimeDelta makes a timedelta of a duration; what is less than a microsecond is cut off.
func NewTimeDelta(d time.Duration) TimeDelta {
	const day = 24 * time.Hour
	days := d / day
	if d%day < 0 {
		days--
	}
	rest := d - days*day
	if days*day > d { // of the shortest of all durations
		rest = d - (days+1)*day + day
	}
	return TimeDelta{int64(days), int64(rest / time.Second), int64(rest % time.Second / time.Microsecond)}
}

// Duration is the timedelta as a duration. One beyond 292 years is an error, ErrRange.
func (d TimeDelta) Duration() (time.Duration, error) {
	whole := big.NewInt(d.Days)
	whole.Mul(whole, big.NewInt(86400)).Add(whole, big.NewInt(d.Seconds)).Mul(whole, big.NewInt(1e6)).Add(whole, big.NewInt(d.Microseconds)).Mul(whole, big.NewInt(1000))
	if !whole.IsInt64() {
		return 0, problemf(ErrRange, "the timedelta %s does not fit in a time.Duration", d)
	}
	return time.Duration(whole.Int64()), nil
}

// String is Python's str().
func (d TimeDelta) String() string {
	text := ""
	if d.Days != 0 {
		text = fmt.Sprintf("%d days, ", d.Days)
		if d.Days == 1 || d.Days == -1 {
			text = fmt.Sprintf("%d day, ", d.Days)
		}
	}
	text += fmt.Sprintf("%d:%02d:%02d", d.Seconds/3600, d.Seconds/60%60, d.Seconds%60)
	if d.Microseconds != 0 {
		text += fmt.Sprintf(".%06d", d.Microseconds)
	}
	return text
}

// String is Python's isoformat().
func (d Date) String() string { return fmt.Sprintf("%04d-%02d-%02d", d.Year, d.Month, d.Day) }

// In is the beginning of the day in a location.
func (d Date) In(where *time.Location) time.Time {
	return time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, where)
}

// DateOf is the day of a time, in its location.
func DateOf(t time.Time) Date {
	year, month, day := t.Date()
	return Date{year, month, day}
}

var (
	timeType  = reflect.TypeOf(time.Time{})
	dateType  = reflect.TypeOf(Date{})
	clockType = reflect.TypeOf(Clock{})
	deltaType = reflect.TypeOf(TimeDelta{})
	zoneType  = reflect.TypeOf(TimeZone{})
)

// timeNames are the types of datetime that become a type of Go.
var timeNames = map[reflect.Type]string{timeType: "datetime", dateType: "date", clockType: "time", deltaType: "timedelta",
	durationType: "timedelta", zoneType: "timezone"}

// timeOf is the type of datetime that an object is of, as which it is copied; "": it is none.
func timeOf(object *Object) string {
	name := object.TypeName()
	if object.IsClass() {
		return ""
	}
	if name == "pandas._libs.tslibs.timestamps.Timestamp" {
		return "datetime"
	}
	if short := strings.TrimPrefix(name, "datetime."); short != name {
		switch short {
		case "date", "time", "datetime", "timedelta", "timezone":
			return short
		}
	}
	return ""
}

// zoneOf is a location of this offset.
func zoneOf(offset time.Duration) *time.Location {
	if offset == 0 {
		return time.UTC
	}
	return time.FixedZone("", int(offset/time.Second))
}

// parseTime reads the str() of a value of one of datetime's types.
func parseTime(name, text string) (any, error) {
	bad := func() (any, error) { return nil, problemf(ErrType, "%.60q is no datetime.%s", text, name) }
	day, clock, both := strings.Cut(text, " ")
	switch name {
	case "date":
		if t, err := time.Parse("2006-01-02", text); err == nil {
			return DateOf(t), nil
		}
	case "time":
		if c, ok := parseClock(text); ok {
			return c, nil
		}
	case "datetime":
		t, err := time.Parse("2006-01-02", day)
		if c, ok := parseClock(clock); ok && both && err == nil {
			return c.on(DateOf(t)), nil
		}
	case "timedelta":
		if d, ok := parseDelta(text); ok {
			return d, nil
		}
	case "timezone":
		if rest := strings.TrimPrefix(text, "UTC"); rest != text {
			if offset, ok := parseOffset(rest); ok {
				return TimeZone{offset}, nil
			}
		}
	}
	return bad()
}

// on is the moment at which the clock shows this on a day.
func (c Clock) on(d Date) time.Time {
	where := Naive
	if c.Aware {
		where = zoneOf(c.Offset)
	}
	t := time.Date(d.Year, d.Month, d.Day, c.Hour, c.Minute, c.Second, c.Microsecond*1000, where)
	if c.Aware {
		t = t.Add(c.Offset/time.Second*time.Second - c.Offset) // locations of Go have whole seconds
	}
	return t
}

// number reads a number of digits from the front.
func digits(text string, count int) (int, string, bool) {
	if len(text) < count {
		return 0, text, false
	}
	n, err := strconv.ParseUint(text[:count], 10, 31)
	return int(n), text[count:], err == nil
}

// parseParts reads HH:MM, and as many of :SS and .ffffff as there are.
func parseParts(text string) (parts [4]int, rest string, ok bool) {
	rest = text
	for i := 0; i < 3; i++ {
		if i > 0 {
			if !strings.HasPrefix(rest, ":") {
				return parts, rest, i > 1
			}
			rest = rest[1:]
		}
		if parts[i], rest, ok = digits(rest, 2); !ok {
			return parts, rest, false
		}
	}
	if strings.HasPrefix(rest, ".") {
		if parts[3], rest, ok = digits(rest[1:], 6); !ok {
			return parts, rest, false
		}
		if _, nano, ok := digits(rest, 3); ok {
			rest = nano
		}
	}
	return parts, rest, true
}

func parseOffset(text string) (time.Duration, bool) {
	if text == "" {
		return 0, true
	}
	parts, rest, ok := parseParts(text[1:])
	offset := spanOf(parts)
	if text[0] == '-' {
		offset = -offset
	}
	return offset, ok && rest == "" && (text[0] == '-' || text[0] == '+') && offset.Abs() < 24*time.Hour
}

func spanOf(parts [4]int) time.Duration {
	return time.Duration(parts[0])*time.Hour + time.Duration(parts[1])*time.Minute + time.Duration(parts[2])*time.Second +
		time.Duration(parts[3])*time.Microsecond
}

func parseClock(text string) (Clock, bool) {
	parts, rest, ok := parseParts(text)
	offset, isOffset := parseOffset(rest)
	clock := Clock{Hour: parts[0], Minute: parts[1], Second: parts[2], Microsecond: parts[3], Aware: rest != "", Offset: offset}
	return clock, ok && isOffset && parts[0] < 24 && parts[1] < 60 && parts[2] < 60
}

func parseDelta(text string) (TimeDelta, bool) {
	var d TimeDelta
	if days, rest, found := strings.Cut(text, ", "); found {
		count, _, _ := strings.Cut(days, " day")
		n, err := strconv.ParseInt(count, 10, 64)
		if err != nil || n > 999999999 || n < -999999999 {
			return d, false
		}
		d.Days, text = n, rest
	}
	if len(text) == 7 {
		text = "0" + text
	} else if strings.Index(text, ":") == 1 {
		text = "0" + text
	}
	parts, rest, ok := parseParts(text)
	d.Seconds, d.Microseconds = int64(parts[0]*3600+parts[1]*60+parts[2]), int64(parts[3])
	return d, ok && rest == ""
}

// fieldsOf are the fields of a time as the library takes them.
func fieldsOf(t time.Time) (Date, Clock) {
	hour, minute, second := t.Clock()
	clock := Clock{Hour: hour, Minute: minute, Second: second, Microsecond: t.Nanosecond() / 1000}
	if t.Location() != Naive {
		_, offset := t.Zone()
		clock.Aware, clock.Offset = true, time.Duration(offset)*time.Second
	}
	return DateOf(t), clock
}

func durationOf(delta TimeDelta) (reflect.Value, error) {
	d, err := delta.Duration()
	if err != nil {
		return reflect.Value{}, outside(durationType, delta)
	}
	return reflect.ValueOf(d), nil
}

// int32Of is a field for the library, to which what is too large is as wrong as what is a little too large.
func int32Of(n int) int32 {
	if n > math.MaxInt32 || n < math.MinInt32 {
		return -1
	}
	return int32(n)
}
