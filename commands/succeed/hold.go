package succeed

import (
	"fmt"

	"gait/ledger"
	"gait/projection"
)

// hold puts a job on hold of which events may be lost, or that had grants of which is not known
// whether they were used: an operator finds that out before the job goes on. So it does if the
// ledger may have had newer events, and the job was ever granted something: it may have been
// granted more. A job that cannot be paused is held already, or can never run again.
func (x *continuer) hold(after *projection.Folder, id string, before projection.Job) error {
	pause := ledger.Paused{Hold: true, Reason: ledger.ReasonEventsLost}
	switch {
	case x.incomplete[id]:
	case len(before.Grants) > 0:
		pause.Reason = unsettled(before.Grants)
	case x.NewestUnknown && before.Allows > 0:
		pause.Reason = ledger.ReasonCallsLost
	default:
		return nil
	}
	if _, no := projection.Next(after.Job, projection.Fact{At: x.Now(), Actor: x.Actor, Payload: pause}); no != nil {
		return nil //nolint:nilerr // a refusal is no error: the job is as it should be
	}
	return x.write(after, id, x.Actor, pause)
}

// lostLeases is how many epochs a job that was leased skips if newer events of it may be lost:
// more leases than they can have given. The holder of one of those is fenced, even if it is the
// same actor that has the next one.
const lostLeases = 1 << 20

// unsettled names grants in the reason of a hold, as many as it has room for.
func unsettled(grants []projection.Grant) string {
	const most = ledger.MaxReason - len(", and 64 more")
	reason := ledger.ReasonUnsettled
	for i, g := range grants {
		name := fmt.Sprintf(" %s (%s)", g.ID, g.Tool)
		if i > 0 {
			name = "," + name
		}
		if len(reason)+len(name) > most {
			return reason + fmt.Sprintf(", and %d more", len(grants)-i)
		}
		reason += name
	}
	return reason
}
