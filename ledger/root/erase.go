package root

import (
	"context"

	"gait/ledger"
	"gait/ledger/content"
)

// servedBehind is how many of the newest events a daemon looks at for erasures that the one
// before it did not finish: those of its last batch, and more.
const servedBehind = 256

// finishErasing deletes content that the newest events say was erased: the process that
// recorded it may have been killed before it deleted the bytes. One that runs a single
// command looks at the last event alone. What is older, gc removes.
func (r *Root) finishErasing(ctx context.Context) {
	behind := int64(1)
	if r.options.Mode == Serve {
		behind = servedBehind
	}
	erased := map[content.Name]string{} // the job of each
	for e, err := range r.Log.Events(ctx, ledger.Seq(max(r.Log.Head().Size-behind, 0))) {
		if err != nil { // the next reader of the event says so
			return
		}
		for _, name := range content.Names(e) {
			delete(erased, name) // it was put again
		}
		if p, ok := e.Payload().(ledger.ContentErased); ok {
			erased[content.Name{Owner: content.OwnerOf(e.JobID()), Digest: p.Digest}] = e.JobID()
		}
	}
	for name, job := range erased {
		there, err := r.content.Job(job).Has(name.Digest)
		if err == nil && there {
			err = r.content.EraseOf(job, name.Digest)
		}
		if err != nil {
			r.options.notice("content %s of job %s was erased, and its bytes are still there: %v", name.Digest, job, err)
		}
	}
}
