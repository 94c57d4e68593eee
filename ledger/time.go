package ledger

import (
	"fmt"
	"time"
)

// ParseTime reads a time as events spell it: RFC 3339, UTC, exactly three decimals.
func ParseTime(s string) (time.Time, error) {
	const layout = "0000-00-00T00:00:00.000Z" // 0: a digit
	ok := len(s) == len(layout)
	for i := 0; ok && i < len(s); i++ {
		ok = s[i] == layout[i] && layout[i] != '0' || layout[i] == '0' && '0' <= s[i] && s[i] <= '9'
	}
	if ok {
		year, month, day := digits(s[:4]), digits(s[5:7]), digits(s[8:10])
		hour, minute, second := digits(s[11:13]), digits(s[14:16]), digits(s[17:19])
		t := time.Date(year, time.Month(month), day, hour, minute, second, digits(s[20:23])*1e6, time.UTC)
		// Date carries what is too much, and a day 0 or month 0 back, to another day.
		if y, m, d := t.Date(); y == year && int(m) == month && d == day && hour < 24 && minute < 60 && second < 60 && year > 0 && !t.IsZero() {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%w: %.40q is not a UTC time with three decimals", ErrMalformed, s)
}

func digits(s string) (n int) {
	for i := 0; i < len(s); i++ {
		n = 10*n + int(s[i]-'0')
	}
	return n
}

// FormatTime spells t as events do. What is below a millisecond is cut off.
func FormatTime(t time.Time) string {
	var room [32]byte
	return string(appendTime(room[:0], t.UTC()))
}

// appendTime adds the decimals itself: package time is far quicker with a layout it knows.
func appendTime(b []byte, utc time.Time) []byte {
	b = utc.AppendFormat(b, time.RFC3339)
	ms := utc.Nanosecond() / 1e6
	return append(b[:len(b)-1], '.', byte('0'+ms/100), byte('0'+ms/10%10), byte('0'+ms%10), 'Z')
}
