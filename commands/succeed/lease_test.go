package succeed_test

import (
	"testing"
	"time"

	"gait/ledger"
	"gait/ledger/ledgertest"
	"gait/projection"
)

// leases gives a lease of a job, for a minute.
func (p *place) leases(job string, epoch int64) {
	p.t.Helper()
	until := p.log.Head().Time.Add(time.Second + time.Minute)
	ledgertest.Append(p.t, p.log, ledgertest.EventSpec{Job: job, Actor: "worker_1", Payload: ledger.Leased{Epoch: epoch, TTL: 60, Until: until, Worker: "host-1"}})
}

// A lease ends with the ledger that gave it, and the next one counts on. If the newest events may
// be lost, it skips the epochs of the leases that they may have given.
func TestSucceedEndsLeases(t *testing.T) {
	for _, lost := range []bool{false, true} {
		first := story(t)
		first.leases("running", 1)
		first.newestUnknown = lost
		second, _, err := first.successor(first.log, "gait.test/second")
		if err != nil {
			t.Fatal(err)
		}
		second.check()
		j, want := second.job("running"), int64(1)
		if lost {
			want += 1 << 20
		}
		if j.Epoch() != want || j.Lease.Ended != projection.LeaseLeft || j.WaitingFor() != projection.WaitsForLease {
			t.Errorf("events may be lost: %t. The job begins with lease %+v, want %d, ended, and waits for %s", lost, j.Lease, want, j.WaitingFor())
		}
		if other := second.job("asked"); other.Lease != nil {
			t.Errorf("a job that was never leased begins with lease %+v", other.Lease)
		}
		second.leases("running", want+1)
		if got := second.job("running").Epoch(); got != want+1 {
			t.Errorf("the next lease has epoch %d, want %d", got, want+1)
		}
	}
}
