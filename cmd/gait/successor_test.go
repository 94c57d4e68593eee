package main

import (
	"context"
	"crypto/rand"
	"io"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"gait/ledger"
	"gait/ledger/home"
	"gait/ledger/root"
	"gait/ledger/store"
	"gait/packspec/packtest"
	"gait/projection"
)

// liesOfSuccessors are what the holder of a ledger's key can say of a job that it continues.
var liesOfSuccessors = map[string]packtest.Lie{
	"": nil,
	"other-job": func(s *packtest.Successor, job string, p *ledger.Continued) { // the proof of the job before
		for _, e := range s.Events {
			if was, ok := e.Payload().(ledger.Continued); ok && e.JobID() != job {
				p.Proof = was.Proof
			}
		}
	},
	"stranger": treeOfAStranger, "running": saysRunning, "running-alone": func(s *packtest.Successor, job string, p *ledger.Continued) {
		saysRunning(s, job, p)
		changeProof(s, p, func(proof *projection.ContinuedProof) { proof.Earlier = nil })
	},
	"alone": func(s *packtest.Successor, _ string, p *ledger.Continued) {
		changeProof(s, p, func(proof *projection.ContinuedProof) { proof.Earlier = nil })
	},
	"other-tree":    func(_ *packtest.Successor, _ string, p *ledger.Continued) { p.Root = ledger.Hash{1} },
	"revision":      func(_ *packtest.Successor, _ string, p *ledger.Continued) { p.Revision++ },
	"size":          func(_ *packtest.Successor, _ string, p *ledger.Continued) { p.Proof.Size++ },
	"size-enormous": func(_ *packtest.Successor, _ string, p *ledger.Continued) { p.Proof.Size = 1 << 52 },
	"no-proof":      func(s *packtest.Successor, _ string, p *ledger.Continued) { p.Proof = s.KeepText([]byte("no proof")) },
	"huge":          func(s *packtest.Successor, _ string, p *ledger.Continued) { p.Proof = s.KeepText(make([]byte, 64<<20)) },
	"newer-version": func(s *packtest.Successor, _ string, p *ledger.Continued) {
		p.Proof = s.KeepText([]byte(`{"event":"","proof":"","schema_id":"gait.continued.proof","schema_version":"2.0.0"}`))
	},
}

// continueCmd makes a root with a ledger that continues each job of another one, which
// stays as it is, as a backup of it would be restored: continue ORIGIN FROM TO HOME [LIE]
func continueCmd(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 4 || len(args) > 5 {
		ts.Fatalf("usage: continue ORIGIN FROM TO HOME [LIE]")
	}
	lie, known := liesOfSuccessors[append(args, "")[4]]
	if !known {
		ts.Fatalf("unknown lie %s", args[4])
	}
	ctx := context.Background()
	o := root.Options{Dir: ts.MkAbs(args[1]), Home: ts.MkAbs(args[3]), Now: time.Now, Entropy: rand.Reader, Notice: func(string) {}, Fatal: func(err error) { panic(err) }}
	from, err := root.Open(ctx, o)
	ts.Check(err)
	key, err := ledger.GenerateKey(rand.Reader, args[0])
	ts.Check(err)
	next, err := packtest.Continue(ctx, from.Log, contentsOf(ts, from), key, time.Now().UTC().Truncate(time.Millisecond), lie)
	ts.Check(err)
	ts.Check(from.Close())
	o.Dir = ts.MkAbs(args[2])
	ts.Check(restoreSuccessor(ctx, o, next))
}

// contentsOf returns all content of a root.
func contentsOf(ts *testscript.TestScript, r *root.Root) map[ledger.Hash][]byte {
	kept := r.Content()
	list, err := kept.List()
	ts.Check(err)
	all := map[ledger.Hash][]byte{}
	for _, e := range list {
		all[e.Digest], err = kept.Read(e.Digest, e.Size)
		ts.Check(err)
	}
	return all
}

// restoreSuccessor makes a root with a successor and its key.
func restoreSuccessor(ctx context.Context, o root.Options, s *packtest.Successor) error {
	keys, err := ledger.NewKeyring(s.Events[0])
	if err != nil {
		return err
	}
	c, err := keys.Open(s.Signed)
	if err != nil {
		return err
	}
	if err := home.TrustOwn(o.Home, s.Key.VerifierKey().PublicKey()); err != nil {
		return err
	}
	_, err = root.Restore(ctx, o, root.Backup{
		Copy:       store.Copy{Entries: projection.Entries(s.All()), Signed: s.Signed, Inherited: s.Inherited},
		Checkpoint: c, Keys: keys, Key: s.Key, Newest: true,
		Content: func(keep func(ledger.Hash, io.ReadSeeker) error) error { return s.EachContent(keep) },
	})
	return err
}

// saysRunning says of a job that it is running.
func saysRunning(_ *packtest.Successor, _ string, p *ledger.Continued) {
	p.Status, p.StopReason, p.StatusReasonCode = string(projection.Running), "none", "submitted"
	p.Hold, p.StoppedBy, p.Decisions = false, "", 0
}

// treeOfAStranger proves a job in a tree that an untrusted key has signed.
func treeOfAStranger(s *packtest.Successor, _ string, p *ledger.Continued) {
	changeProof(s, p, func(proof *projection.ContinuedProof) {
		key, err := ledger.GenerateKey(rand.Reader, p.Origin)
		if err == nil {
			proof.Proof.Checkpoint, err = ledger.Checkpoint{Origin: p.Origin, Size: p.Size, Root: p.Root}.Sign(key)
		}
		if err != nil {
			panic(err)
		}
	})
}

// changeProof makes a job's event name another proof.
func changeProof(s *packtest.Successor, p *ledger.Continued, change func(*projection.ContinuedProof)) {
	proof, err := projection.ParseContinuedProof(s.Contents[p.Proof.Digest])
	if err != nil {
		panic(err)
	}
	change(&proof)
	if p.Proof, err = s.Keep(proof); err != nil {
		panic(err)
	}
}
