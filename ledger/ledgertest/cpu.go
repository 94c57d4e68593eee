package ledgertest

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// CPU returns the CPU time that this process spends while f runs. Unlike the time on a
// clock, it is the same beside other work; it counts what other goroutines do meanwhile.
func CPU(t testing.TB, f func()) time.Duration {
	t.Helper()
	before := spent(t)
	f()
	return spent(t) - before
}

func spent(t testing.TB) time.Duration {
	t.Helper()
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
