package ledger

import (
	"fmt"
	"time"
)

// timeSize is how long a time is, as events spell it.
const timeSize = len("2006-01-02T15:04:05.000Z")

// ParseTime reads a time as events spell it: RFC 3339, UTC, exactly three decimals.
func ParseTime(s string) (time.Time, error) {
	if len(s) == timeSize && s[4] == '-' && s[7] == '-' && s[10] == 'T' && s[13] == ':' && s[16] == ':' && s[19] == '.' && s[23] == 'Z' {
		var d digits
		year, month, day := d.number(s[:4]), d.number(s[5:7]), d.number(s[8:10])
		hour, minute, second, ms := d.number(s[11:13]), d.number(s[14:16]), d.number(s[17:19]), d.number(s[20:23])
		if !d.bad && year > 0 && day > 0 && day <= daysIn(year, month) && hour < 24 && minute < 60 && second < 60 {
			at := time.Unix(86400*(daysBefore(year, month)+day-1)+3600*hour+60*minute+second, 1e6*ms).UTC()
			if !at.IsZero() {
				return at, nil
			}
		}
	}
	return time.Time{}, fmt.Errorf("%w: %.40q is not a UTC time with three decimals", ErrMalformed, s)
}

// digits reads numbers of some decimal digits each. bad says that one of them had a
// byte that is no digit.
type digits struct{ bad bool }

func (d *digits) number(s string) (n int64) {
	for i := 0; i < len(s); i++ {
		digit := s[i] - '0'
		d.bad = d.bad || digit > 9
		n = 10*n + int64(digit)
	}
	return n
}

// daysIn returns how many days a month has, 0 if there is no such month.
func daysIn(year, month int64) int64 {
	switch month {
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	case 1, 3, 5, 7, 8, 10, 12:
		return 31
	}
	return 0
}

// daysBefore returns how many days lie between 1970 and the first day of a month,
// in the Gregorian calendar. It counts years from March, so that a leap day is the last day of one.
func daysBefore(year, month int64) int64 {
	const marchOfYear0 = 719468 // days from there to 1970
	if month -= 3; month < 0 {
		year, month = year-1, month+12
	}
	return 365*year + year/4 - year/100 + year/400 + (153*month+2)/5 - marchOfYear0
}

// FormatTime spells t as events do. It cuts off what is below a millisecond.
func FormatTime(t time.Time) string {
	var room [32]byte
	return string(appendTime(room[:0], t.UTC()))
}

// appendTime writes the decimals itself: package time is much faster with a layout it knows.
func appendTime(b []byte, utc time.Time) []byte {
	b = utc.AppendFormat(b, time.RFC3339)
	ms := utc.Nanosecond() / 1e6
	return append(b[:len(b)-1], '.', byte('0'+ms/100), byte('0'+ms/10%10), byte('0'+ms%10), 'Z')
}
