package store

import (
	"context"
	"fmt"
	"hash/maphash"

	"gait/ledger"
)

// Verify reads everything the log holds and checks it, from the bytes up: that
// each event decodes and follows the one before it in the ledger and in its
// job, that authority admits it and its signatures hold, that the tree over them is the signed one, and that tiles, indexes and
// heads say exactly what the events say. Views are opaque, so it does not check
// them. It computes the index again and compares with it the pages, byte for byte, the
// record, and each event that commits to it. A failure is a *ledger.CorruptError, which
// names the event if one is to blame, an *ledger.IndexError, or
// ledger.ErrUnsupportedVersion. progress may be nil; it is called now
// and then, and at the end, and an error of it ends the work.
//
// Each event is passed to use, in order, once it is known to follow those before
// it. The caller may rely on the events only if Verify succeeds. use may be nil too,
// and an error of it ends the work.
//
// Verify checks the log as it is when Verify begins; appending can go on.
func (l *Log) Verify(ctx context.Context, use func(ledger.Event) error, progress func(done, total int64) error) error {
	at, snap, err := l.pin(ctx)
	if err != nil {
		return fmt.Errorf("verifying: %w", err)
	}
	defer snap.Close()
	v := newVerifier(ctx, at, use)
	for _, step := range []func() error{
		v.format, v.beginIndex,
		func() error { return v.events(orNothing(progress)) },
		v.rotations, v.state, v.indexRows, v.authority, v.jobIndex, v.requestIDs, v.calls, v.heads, v.tags, v.tiles, v.format1, v.cosigned, v.strangers,
	} {
		if err := step(); err != nil {
			return fmt.Errorf("verifying: %w", err)
		}
	}
	if x := &v.index; l.Index() == ledger.IndexUnchecked && x.written && !x.unfinished() && !x.fold.Unchecked() {
		l.verified.Store(&IndexRoot{Size: x.record.size, Tree: x.record.tree, Index: ledger.Hash(x.record.index), Jobs: x.record.jobs})
	}
	return nil
}

// A verifier builds again from the events what the log should hold.
type verifier struct {
	chainVerifier
	jobs map[string]*verifiedJob
	use  func(ledger.Event) error

	authorized      authorizer
	authorityEvents []Row // the rows that there should be of them

	index    indexVerifier
	newest   map[[16]byte]ledger.Seq // about each call, by shortKey
	requests []verifiedRequest
	seed     maphash.Seed // of their hashes
}

// newVerifier returns a verifier of a log that does not change. use may be nil.
func newVerifier(ctx context.Context, at *indexReader, use func(ledger.Event) error) *verifier {
	if use == nil {
		use = func(ledger.Event) error { return nil }
	}
	return &verifier{chainVerifier: chainVerifier{ctx: ctx, log: at}, use: use, jobs: map[string]*verifiedJob{}, newest: map[[16]byte]ledger.Seq{}, seed: maphash.MakeSeed()}
}

// events checks all events, from event 0 on.
func (v *verifier) events(progress func(done, total int64) error) error {
	return v.authorized.end(v.chainVerifier.events(v.event, progress))
}

// event checks an event that follows those before it against authority, its job and the index.
func (v *verifier) event(e ledger.Event) error {
	if err := v.authorized.add(e); err != nil {
		return err
	}
	if err := v.job(e); err != nil {
		return err
	}
	if err := v.indexEvent(e); err != nil {
		return err
	}
	return v.use(e)
}

// orNothing returns progress, or what does nothing if it is nil.
func orNothing(progress func(done, total int64) error) func(done, total int64) error {
	if progress == nil {
		return func(int64, int64) error { return nil }
	}
	return progress
}

// format1 checks the rows that only format 1 has.
func (v *verifier) format1() error {
	if !v.log.now.Load().old {
		return nil
	}
	if err := v.partials(); err != nil {
		return err
	}
	return v.views()
}
