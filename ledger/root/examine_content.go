package root

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"gait/ledger"
	"gait/ledger/content"
)

// content reads the request ids that event 0 of a successor names, and counts the other
// contents, which Verify of the whole ledger reads.
func (x *examination) content(ctx context.Context, r *Root) {
	created, err := r.Log.Event(ctx, 0)
	ofJobs, unread := r.Content().Carry()
	if p, _ := created.Payload().(ledger.LedgerCreated); err == nil && unread == nil && p.Predecessor == nil && len(ofJobs) == 0 {
		return
	}
	x.find("content", func() (Finding, error) {
		if err := errors.Join(err, unread); err != nil {
			return Finding{}, err
		}
		all, err := r.Content().List()
		if err != nil {
			return Finding{}, err
		}
		files := len(all) + len(slices.DeleteFunc(ofJobs, content.Carried.IsSecret))
		f := Finding{Detail: fmt.Sprintf("%s in %s", counted(files, "file"), r.Content().Dir()), Advice: AdviceCheckContent}
		requests := ledger.InheritedRequests(created)
		if requests == nil {
			return f, nil
		}
		for _, err := range Inherited(r.Content())(*requests) {
			if errors.Is(err, ledger.ErrContentMissing) && r.Log.Imported() {
				return Finding{Mind: true, Detail: "the request ids that the ledgers before used are not here, so the index cannot be checked", Hint: "export it again with a newer gait, and import that"}, nil
			}
			if err != nil {
				return Finding{}, fmt.Errorf("the request ids that the ledgers before used: %w", err)
			}
		}
		f.Detail = fmt.Sprintf("%s that the ledgers before used; %s", counted(requests.Count, "request id"), f.Detail)
		return f, nil
	})
}
