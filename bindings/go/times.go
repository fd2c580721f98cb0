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

// Naive is the location of a time.Time that is a naive datetime of Python: its timezone is unknown. A naive datetime is
// received with this location, and a time with this location is sent as naive. All other code treats the location as
// UTC.
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
	// Aware is whether the offset from UTC is known.
	Aware  bool
	Offset time.Duration
}

// TimeDelta is a datetime.timedelta in Python's normal form: Seconds from 0 to 86399, Microseconds from 0 to 999999.
// When it is sent, the fields may have any size. A time.Duration is sent as seconds instead, a float, as time.sleep
// takes it.
type TimeDelta struct {
	Days, Seconds, Microseconds int64
}

// TimeZone is a datetime.timezone, which has a fixed offset.
type TimeZone struct {
	Offset time.Duration
}

// NewTimeDelta makes a timedelta of a duration, rounded down to microseconds.
func NewTimeDelta(d time.Duration) TimeDelta {
	const day = 24 * time.Hour
	days := d / day
	if d%day < 0 {
		days--
	}
	rest := d - days*day
	if days*day > d { // for the most negative duration
		rest = d - (days+1)*day + day
	}
	return TimeDelta{int64(days), int64(rest / time.Second), int64(rest % time.Second / time.Microsecond)}
}

// Duration returns the timedelta as a duration. Beyond 292 years it fails with ErrRange.
func (d TimeDelta) Duration() (time.Duration, error) {
	whole := big.NewInt(d.Days)
	whole.Mul(whole, big.NewInt(86400)).Add(whole, big.NewInt(d.Seconds)).Mul(whole, big.NewInt(1e6)).Add(whole, big.NewInt(d.Microseconds)).Mul(whole, big.NewInt(1000))
	if !whole.IsInt64() {
		return 0, problemf(ErrRange, "the timedelta %s does not fit in a time.Duration", d)
	}
	return time.Duration(whole.Int64()), nil
}

// String returns Python's str().
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

// String returns Python's isoformat().
func (d Date) String() string { return fmt.Sprintf("%04d-%02d-%02d", d.Year, d.Month, d.Day) }

// In returns the start of the day in a location.
func (d Date) In(where *time.Location) time.Time {
	return time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, where)
}

// DateOf returns the date of a time, in its location.
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

// timeNames maps Go types to the types of datetime that are converted to them.
var timeNames = map[reflect.Type]string{timeType: "datetime", dateType: "date", clockType: "time", deltaType: "timedelta",
	durationType: "timedelta", zoneType: "timezone"}

// timeOf returns the type of datetime as which an object is copied; "" if it is none of them.
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

// zoneOf returns a location with this offset.
func zoneOf(offset time.Duration) *time.Location {
	if offset == 0 {
		return time.UTC
	}
	return time.FixedZone("", int(offset/time.Second))
}

// parseTime parses the str() of a value of one of datetime's types.
func parseTime(name, text string) (any, error) {
	bad := func() (any, error) { return nil, problemf(ErrType, "expected a datetime.%s, got %.60q", text, name) }
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

// on returns the time at which the clock shows this time on a date.
func (c Clock) on(d Date) time.Time {
	where := Naive
	if c.Aware {
		where = zoneOf(c.Offset)
	}
	t := time.Date(d.Year, d.Month, d.Day, c.Hour, c.Minute, c.Second, c.Microsecond*1000, where)
	if c.Aware {
		t = t.Add(c.Offset/time.Second*time.Second - c.Offset) // offsets of Go's locations are whole seconds
	}
	return t
}

// digits parses a number of count digits at the front.
func digits(text string, count int) (int, string, bool) {
	if len(text) < count {
		return 0, text, false
	}
	n, err := strconv.ParseUint(text[:count], 10, 31)
	return int(n), text[count:], err == nil
}

// parseParts parses HH:MM, optionally followed by :SS and .ffffff.
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

// fieldsOf returns the fields of a time in the library's form.
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

// int32Of returns a field for the library; -1, which the library rejects too, if it does not fit.
func int32Of(n int) int32 {
	if n > math.MaxInt32 || n < math.MinInt32 {
		return -1
	}
	return int32(n)
}
