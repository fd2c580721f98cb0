package rpyc

/*
#include <rpyc.h>

static rpyc_value *go_time_value(uint64_t address) { return (rpyc_value *)(uintptr_t)address; }
static uint64_t go_time_address(const void *pointer) { return (uint64_t)(uintptr_t)pointer; }
*/
import "C"

import (
	"time"
	"unsafe"
)

// Dates and times as values of the library.

// timeHandle makes a value of a date or time. The caller owns it.
func timeHandle(value any) (uint64, error) {
	var made *C.rpyc_value
	var failure *C.rpyc_error
	var status C.rpyc_status
	switch v := value.(type) {
	case time.Time:
		date, clock := fieldsOf(v)
		fields := clock.fields()
		fields.year, fields.month, fields.day = C.int32_t(int32Of(date.Year)), C.int32_t(date.Month), C.int32_t(date.Day)
		status = C.rpyc_value_new_datetime(&fields, &made, &failure)
	case Date:
		status = C.rpyc_value_new_date(C.int32_t(int32Of(v.Year)), C.int32_t(int32Of(int(v.Month))), C.int32_t(int32Of(v.Day)), &made, &failure)
	case Clock:
		fields := v.fields()
		status = C.rpyc_value_new_time(&fields, &made, &failure)
	case TimeDelta:
		status = C.rpyc_value_new_timedelta(C.int64_t(v.Days), C.int64_t(v.Seconds), C.int64_t(v.Microseconds), &made, &failure)
	case TimeZone:
		status = C.rpyc_value_new_timezone(C.int64_t(microseconds(v.Offset)), &made, &failure)
	}
	if status != C.RPYC_OK {
		return 0, takeError(failure)
	}
	return uint64(C.go_time_address(unsafe.Pointer(made))), nil
}

// microseconds rounds down to whole microseconds.
func microseconds(d time.Duration) int64 {
	n := int64(d / time.Microsecond)
	if d%time.Microsecond < 0 {
		n--
	}
	return n
}

func (c Clock) fields() C.rpyc_datetime {
	var fields C.rpyc_datetime
	fields.hour, fields.minute = C.int32_t(int32Of(c.Hour)), C.int32_t(int32Of(c.Minute))
	fields.second, fields.microsecond = C.int32_t(int32Of(c.Second)), C.int32_t(int32Of(c.Microsecond))
	if c.Fold {
		fields.fold = 1
	}
	fields.aware, fields.utcoffset = C.bool(c.Aware), C.int64_t(microseconds(c.Offset))
	return fields
}

// timeIn reads a value that is a date or time.
func timeIn(value *C.rpyc_value) (any, bool) {
	kind := C.rpyc_value_kind(value)
	switch kind {
	case C.RPYC_VALUE_TIMEDELTA, C.RPYC_VALUE_TIMEZONE:
		var days, seconds, micro C.int64_t
		C.rpyc_value_get_timedelta(value, &days, &seconds, &micro, nil)
		delta := TimeDelta{int64(days), int64(seconds), int64(micro)}
		if kind == C.RPYC_VALUE_TIMEDELTA {
			return delta, true
		}
		offset, _ := delta.Duration()
		return TimeZone{offset}, true
	case C.RPYC_VALUE_DATE, C.RPYC_VALUE_TIME, C.RPYC_VALUE_DATETIME:
		var fields C.rpyc_datetime
		C.rpyc_value_get_datetime(value, &fields, nil)
		date := Date{int(fields.year), time.Month(fields.month), int(fields.day)}
		clock := Clock{Hour: int(fields.hour), Minute: int(fields.minute), Second: int(fields.second), Microsecond: int(fields.microsecond),
			Fold: fields.fold == 1, Aware: bool(fields.aware), Offset: time.Duration(fields.utcoffset) * time.Microsecond}
		switch kind {
		case C.RPYC_VALUE_DATE:
			return date, true
		case C.RPYC_VALUE_TIME:
			return clock, true
		}
		return clock.on(date), true
	}
	return nil, false
}

// valueOf makes a Go value of a value that has no packed form, and frees its handle.
func valueOf(handle uint64) any {
	if time, ok := timeIn(C.go_time_value(C.uint64_t(handle))); ok {
		freeValue(handle)
		return time
	}
	return arrayOf(handle)
}
