package projection

import "gait/ledger"

func leased(j Job, _ Fact, _ ledger.Leased) (Job, *Refusal) { return j, nil }

func leaseRenewed(j Job, _ Fact, _ ledger.LeaseRenewed) (Job, *Refusal) { return j, nil }

func leaseReleased(j Job, _ Fact, _ ledger.LeaseReleased) (Job, *Refusal) { return j, nil }

func attemptEnded(j Job, _ Fact, _ ledger.AttemptEnded) (Job, *Refusal) { return j, nil }
