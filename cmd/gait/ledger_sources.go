package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"gait/commands/succeed"
	"gait/ledger"
	"gait/ledger/root"
	"gait/packspec"
	"gait/packspec/backup"
)

// A source is something from which a ledger can be continued, open.
type source struct {
	succeed.Source
	keys  ledger.Keyring  // of the ledger, if it is all of one
	how   succeed.Options // to read it
	moved *ledger.Move    // where the ledger goes on; nil if it does here
	known []string        // of the pack of a job: the ledger's keys, oldest first
	close func() error
}

// ledgerKeys returns keys of the ledger that it is of, oldest first.
func (s source) ledgerKeys() ([]ledger.VerifierKey, error) {
	if !s.how.OfJobs {
		return s.keys.Keys(), nil
	}
	keys := make([]ledger.VerifierKey, len(s.known))
	for i, text := range s.known {
		var err error
		if keys[i], err = ledger.ParseVerifierKey(text); err != nil {
			return nil, err
		}
	}
	return keys, nil
}

// openSource opens what --from names: a directory that holds a ledger, retired or not, or
// that gait ledger export wrote; a backup; or the pack of a job.
func openSource(ctx context.Context, a *app, name string, trusted []packspec.TrustedKey, given string) (source, error) {
	st, err := os.Stat(name)
	switch {
	case err != nil || !st.IsDir():
		return openSourceFile(a, name, trusted, given)
	case root.Is(name) || strings.HasPrefix(filepath.Base(name), "ledger.retired-"), strings.HasPrefix(filepath.Base(name), "ledger.moved-"):
		return openSourceRoot(ctx, a, name)
	}
	files, err := openFolder(name)
	if err != nil {
		return source{}, err
	}
	log, err := packspec.OpenExport(files)
	if err == nil {
		err = log.CheckFiles()
	}
	var moved *ledger.Move
	if err == nil {
		_, moved, err = log.Move()
	}
	if err != nil {
		files.close()
		return source{}, err
	}
	return source{Source: exportSource{log}, keys: log.Keys, moved: moved, how: succeed.Options{Inherited: log.Inherited}, close: func() error {
		files.close()
		return nil
	}}, nil
}

func openSourceRoot(ctx context.Context, a *app, name string) (source, error) {
	o, err := a.optionsIn(name)
	if err != nil {
		return source{}, err
	}
	o.Notice = nil
	r, err := root.Open(ctx, o.Options)
	if err != nil {
		return source{}, err
	}
	return source{Source: r.Log, keys: r.Log.Keys(), moved: r.Log.Moved(), how: succeed.Options{Inherited: root.Inherited(r.Content()), Rows: r.Log}, close: r.Close}, nil
}

func openSourceFile(a *app, name string, trusted []packspec.TrustedKey, given string) (s source, err error) {
	file, size, err := openPack(a, name)
	if err != nil {
		return source{}, err
	}
	defer func() {
		if err != nil {
			file.Close()
		}
	}()
	b, err := backup.Open(file, size)
	if err == nil {
		_, moved, err := b.Log.Move()
		return source{Source: exportSource{b.Log}, keys: b.Log.Keys, moved: moved, how: succeed.Options{Inherited: b.Inherited}, close: file.Close}, err
	}
	if !errors.Is(err, ledger.ErrMalformed) {
		return source{}, err
	}
	memory, err := memoryOf(a)
	if err != nil {
		return source{}, err
	}
	report, err := memory.VerifyPack(file, size, packspec.Options{Trusted: trusted})
	if err == nil && !report.Verified {
		err = &notVerified(name, given, report).packError
	}
	if err == nil && (report.PackType != packspec.TypeJob || report.Format != "") {
		err = &usageError{code: "invalid_type", text: name + " is neither a backup nor a job's pack with its evidence", hint: "name backups, directories that were exported, retired ledgers, or packs of gait pack build --from JOB"}
	}
	if err != nil {
		return source{}, err
	}
	p := packSource{file: file, size: size}
	if p.proof, err = ledger.ParseProof(report.Shown.HeadProof); err == nil {
		p.tree, err = ledger.PeekCheckpoint(p.proof.Checkpoint)
	}
	return source{Source: p, how: succeed.Options{OfJobs: true}, known: report.LedgerKeys(), close: file.Close}, err
}

// An exportSource is a ledger in files, as gait ledger export writes them.
type exportSource struct{ log packspec.ExportedLog }

func (x exportSource) Checkpoint() (ledger.Checkpoint, []byte) {
	return x.log.Checkpoint, x.log.Signed
}

func (x exportSource) Events(context.Context, ledger.Seq) ledger.Events { return x.log.Events() }

func (x exportSource) RootAt(_ context.Context, size int64) (ledger.Hash, error) {
	return ledger.RootAt(size, x.log.Checkpoint, func(level int, n int64, width int) ([]byte, error) {
		return x.log.Read(ledger.TileName{Level: level, Index: n, Width: width})
	})
}

func (x exportSource) ProofIn(_ context.Context, signed []byte, seq ledger.Seq) (ledger.Proof, error) {
	return x.log.Prove(seq, signed)
}

// A packSource is the pack of a job, verified.
type packSource struct {
	file  packFile
	size  int64
	proof ledger.Proof // of the job's last event
	tree  ledger.Checkpoint
}

func (p packSource) Checkpoint() (ledger.Checkpoint, []byte) { return p.tree, p.proof.Checkpoint }

func (p packSource) Events(context.Context, ledger.Seq) ledger.Events {
	events, err := packspec.Events(p.file, p.size)
	if err != nil {
		return func(yield func(ledger.Event, error) bool) { yield(ledger.Event{}, err) }
	}
	return events
}

// RootAt fails: a pack proves single events.
func (p packSource) RootAt(_ context.Context, size int64) (ledger.Hash, error) {
	return ledger.Hash{}, fmt.Errorf("a pack of a job does not show the tree of %d events", size)
}

func (p packSource) ProofIn(_ context.Context, _ []byte, seq ledger.Seq) (ledger.Proof, error) {
	if seq != p.proof.Seq {
		return ledger.Proof{}, fmt.Errorf("the pack proves event %d, not %d", p.proof.Seq, seq)
	}
	return p.proof, nil
}
