package notify_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"gait/commands/notify"
	"gait/ledger"
)

const stopType = "gait.job.emergency_stop_acknowledged"

// during runs a notifier, in time that costs none, while do runs, and returns what it said.
func during(t *testing.T, l *log, r *receiver, c *cursor, do func()) (results []notify.Result) {
	t.Helper()
	n, attempts := newNotifier(t, l, r, c)
	n.Now = time.Now
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { n.Run(ctx); close(ended) }()
	do()
	cancel()
	<-ended
	for _, a := range *attempts {
		if (a.Err == nil) != (a.Result == notify.Taken || a.Result == notify.Kept) || (a.Again > 0) != (a.Result == notify.NotTaken || a.Result == notify.NotKept) {
			t.Errorf("attempt %+v", a)
		}
		results = append(results, a.Result)
	}
	return results
}

// virtual runs a test in a bubble with its own time.
func virtual(t *testing.T, name string, f func(t *testing.T)) {
	t.Helper()
	t.Run(name, func(t *testing.T) { synctest.Test(t, f) })
}

func count(in []notify.Result, what notify.Result) (n int) {
	for _, r := range in {
		if r == what {
			n++
		}
	}
	return n
}

// What a target does not take now is sent again, and no later one before it but an emergency stop, which is
// told once.
func TestAgain(t *testing.T) {
	virtual(t, "for a while", func(t *testing.T) {
		l, c := newLog(), &cursor{next: 2, ok: true}
		l.add(told...)
		r := receiver{fail: func(attempt int, kind string) error {
			if attempt <= 6 && kind != stopType {
				return &notify.LaterError{Err: errors.New("not now")}
			}
			return nil
		}}
		during(t, l, &r, c, func() { time.Sleep(time.Hour) })
		if diff := cmp.Diff([]string{stopType, toldTypes[0], toldTypes[1], toldTypes[2]}, r.got); diff != "" {
			t.Errorf("was told (-want +got):\n%s", diff)
		}
		if next, _, _ := c.Load(); int64(next) != l.Head().Size {
			t.Errorf("the cursor is at %d", next)
		}
	})
	virtual(t, "for ever", func(t *testing.T) {
		l, c := newLog(), &cursor{next: 2, ok: true}
		l.add(told[1])
		r := receiver{fail: func(_ int, kind string) error {
			if kind != stopType {
				return &notify.LaterError{After: time.Hour, Err: errors.New("not now")}
			}
			return nil
		}}
		got := during(t, l, &r, c, func() {
			time.Sleep(24 * time.Hour)
			l.add(told[2], ledger.Stopped{Reason: "now"})
			time.Sleep(time.Millisecond) // at once
		})
		if !slices.Equal(r.got, []string{stopType}) || count(got, notify.SetAside) > 0 {
			t.Errorf("was told %v, %v", r.got, got)
		}
	})
}

// A target that takes what it is told, but slowly, is told of an emergency stop before what waits.
func TestSlow(t *testing.T) {
	virtual(t, "slow", func(t *testing.T) {
		l, c := newLog(), &cursor{next: 2, ok: true}
		for range 100 {
			l.add(told[1])
		}
		r := receiver{fail: func(int, string) error { time.Sleep(19 * time.Second); return nil }}
		during(t, l, &r, c, func() {
			time.Sleep(time.Minute)
			l.add(ledger.Stopped{Reason: "now"})
			time.Sleep(time.Minute)
			synctest.Wait()
		})
		if at := slices.Index(r.got, stopType); at < 0 || at > 5 {
			t.Errorf("was told of the stop as number %d", at)
		}
	})
}

// A message that a target refuses for good is set aside after some attempts, and the others are told.
func TestRefused(t *testing.T) {
	virtual(t, "one", func(t *testing.T) {
		l, c := newLog(), &cursor{next: 2, ok: true}
		l.add(told...)
		r := receiver{fail: func(_ int, kind string) error {
			if kind == toldTypes[0] {
				return &notify.RefusedError{Err: errors.New("it answers 403")}
			}
			return nil
		}}
		got := during(t, l, &r, c, func() { time.Sleep(time.Minute) })
		if diff := cmp.Diff([]string{stopType, toldTypes[1], toldTypes[2]}, r.got); diff != "" {
			t.Errorf("was told (-want +got):\n%s", diff)
		}
		if count(got, notify.SetAside) != 1 || count(got, notify.NotTaken) != 5 || count(got, notify.Taken) != 3 {
			t.Errorf("attempts: %v", got)
		}
	})
	virtual(t, "all", func(t *testing.T) {
		l, c := newLog(), &cursor{next: 2, ok: true}
		l.add(told...)
		r := receiver{fail: func(int, string) error { return &notify.RefusedError{Err: errors.New("it answers 404")} }}
		got := during(t, l, &r, c, func() { time.Sleep(time.Hour) })
		if next, _, _ := c.Load(); count(got, notify.SetAside) != len(toldTypes) || int64(next) != l.Head().Size {
			t.Errorf("attempts: %v, and the cursor is at %d", got, next)
		}
	})
}

// A cursor that cannot be kept holds nothing back, and is kept once it can be.
func TestCursorFails(t *testing.T) {
	virtual(t, "writing", func(t *testing.T) {
		l, c := newLog(), &cursor{next: 2, ok: true, err: errors.New("disk full")}
		l.add(told...)
		var r receiver
		got := during(t, l, &r, c, func() {
			time.Sleep(time.Minute)
			if got := r.told(); !slices.Equal(got, toldTypes) {
				t.Errorf("was told %v", got)
			}
			c.mu.Lock()
			c.err = nil
			c.mu.Unlock()
			time.Sleep(10 * time.Minute)
		})
		if next, _, _ := c.Load(); int64(next) != l.Head().Size || got[len(got)-1] != notify.Kept {
			t.Errorf("the cursor is at %d after %v", next, got)
		}
	})
	virtual(t, "reading", func(t *testing.T) {
		l, c := newLog(), &cursor{next: 2, ok: true, unread: errors.New("no access")}
		l.add(told[:4]...)
		var r receiver
		got := during(t, l, &r, c, func() {
			time.Sleep(time.Minute)
			l.add(ledger.Stopped{Reason: "now"})
			time.Sleep(time.Minute)
			c.mu.Lock()
			c.unread = nil
			c.mu.Unlock()
			time.Sleep(10 * time.Minute)
		})
		if diff := cmp.Diff([]string{stopType, toldTypes[0], toldTypes[1], toldTypes[2]}, r.got); diff != "" || !slices.Contains(got, notify.Kept) {
			t.Errorf("was told (-want +got):\n%s\n%v", diff, got)
		}
	})
}
