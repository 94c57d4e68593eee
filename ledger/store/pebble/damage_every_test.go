package pebble_test

import (
	"flag"
	"runtime"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"gait/ledger"
	"gait/ledger/ledgertest"
	"gait/ledger/store/pebble"
)

var thorough = flag.Bool("thorough", false, "damage every bit of every file and cut it everywhere, not one in a few hundred")

// Every bit flip and every truncation of every file of a small ledger, closed and
// as a kill leaves it: all the data, or a named error, or a history older than
// the published checkpoint, which is refused by that.
func TestEveryBitAndEveryCutOfEveryFile(t *testing.T) {
	if testing.Short() {
		t.Skip("hundreds of reopens")
	}
	for _, closed := range []bool{true, false} {
		l := ledgertest.New(t)
		ledgertest.Append(t, l.Log, ledgertest.EventSpec{Job: "job_1", Payload: ledgertest.Submit("").Payload, RequestID: "r1", View: []byte("view")})
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		l.Reopen(t)
		ledgertest.Append(t, l.Log, ledgertest.FirstAdmin(t, "admin_1"), ledgertest.Allow("job_1", "c1", 1), ledgertest.Settle("job_1", "c1", 1, ledger.EffectDone))
		all := events(t, l.Log)
		if closed {
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
		} else {
			pebble.DB(l.Table).TestOnlyWaitForCleaning()
		}
		damageEach(t, whole(l.FS), closed, all)
	}
}

// damageEach does to copies of mem all that can be done to it.
func damageEach(t *testing.T, mem *vfs.MemFS, closed bool, all []ledger.Event) {
	t.Helper()
	list := everyDamage(mem)
	workers := runtime.GOMAXPROCS(0)
	counts := make([]map[string]int, workers)
	var wait sync.WaitGroup
	for w := range workers {
		counts[w] = map[string]int{}
		wait.Go(func() {
			for i := w; i < len(list); i += workers {
				damaged := whole(mem)
				list[i].do(t, damaged)
				got, size, err := readAll(damaged, i%3 == 0)
				list[i].check(t, closed, all, got, size, err, counts[w])
			}
		})
	}
	wait.Wait()
	total := map[string]int{}
	for _, c := range counts {
		for what, n := range c {
			total[what] += n
		}
	}
	t.Logf("%d damages, closed %t: %v", len(list), closed, total)
}

func everyDamage(mem *vfs.MemFS) (every []damage) {
	step := 331
	if *thorough {
		step = 1
	}
	for _, name := range list(mem, "/"+ledgertest.Dir) {
		size := len(read(mem, "/"+ledgertest.Dir+"/"+name))
		for bit := 0; bit < 8*size; bit += step {
			every = append(every, damage{name, bit, "bit"})
		}
		for at := 0; at < size; at += step {
			every = append(every, damage{name, at, "cut"})
		}
	}
	return every
}
