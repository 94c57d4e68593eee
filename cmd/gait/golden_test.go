package main

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"gait/ledger"
	"gait/ledger/ledgertest"
	"gait/ledger/mpt"
	"gait/ledger/root"
	"gait/ledger/store"
	"gait/packspec"
	"gait/projection"
)

// goldenLedgers are a ledger of each format version, and the corpus.
const goldenLedgers = "../../fixtures/ledgers"

// A golden is a stored ledger.
type golden struct {
	copy   store.Copy
	keys   ledger.Keyring
	digest string // of all views

	content goldenContent
}

// goldenContent is the content of a golden ledger, by the path of each.
type goldenContent []string

func (g goldenContent) each(keep func(ledger.Hash, io.ReadSeeker) error) error {
	for _, path := range g {
		digest, err := ledger.ParseHash(filepath.Base(path))
		if err != nil {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if err := keep(digest, bytes.NewReader(text)); err != nil {
			return err
		}
	}
	return nil
}

// inherited yields the request ids that event 0 names.
func (g goldenContent) inherited(r ledger.Requests) iter.Seq2[mpt.Key, error] {
	for _, path := range g {
		if filepath.Base(path) == r.Digest.String() {
			text, err := os.ReadFile(path)
			if err != nil {
				break
			}
			return ledger.ReadRequests(bytes.NewReader(text), r)
		}
	}
	return func(yield func(mpt.Key, error) bool) { yield(mpt.Key{}, ledger.ErrContentMissing) }
}

func readGolden(t *testing.T, name string) golden {
	t.Helper()
	read := func(file string) []byte {
		b, err := os.ReadFile(filepath.Join(goldenLedgers, name, file))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	var events []ledger.Event
	g := golden{copy: store.Copy{Signed: read("checkpoint"), Progress: func(int64) error { return nil }}}
	for line := range bytes.Lines(read("events.jsonl")) {
		e, err := ledger.Decode(bytes.TrimSuffix(line, []byte("\n")))
		if err == nil && e.Seq() == 0 {
			g.keys, err = ledger.NewKeyring(e)
		}
		if err == nil && e.Type().HandsOver() {
			rotation := ledger.Rotation{Event: e}
			rotation.Proof, err = ledger.ParseProof(read(fmt.Sprintf("keys/%04d.tlog-proof", len(g.copy.Rotations)+1)))
			g.copy.Rotations = append(g.copy.Rotations, rotation)
		}
		if err == nil {
			g.keys, err = g.keys.Follow(e)
		}
		if err != nil {
			t.Fatal(err)
		}
		events = append(events, e)
	}
	g.copy.Entries = projection.Entries(func(yield func(ledger.Event, error) bool) {
		for _, e := range events {
			if !yield(e, nil) {
				return
			}
		}
	})
	var err error
	if g.content, err = filepath.Glob(filepath.Join(goldenLedgers, name, "content", "*")); err != nil {
		t.Fatal(err)
	}
	g.copy.Inherited = g.content.inherited
	lines := strings.Split(strings.TrimSpace(string(read("digests"))), "\n")
	g.digest = lines[len(lines)-1]
	return g
}

// The views of a golden ledger have one digest: on one core and on many, from a
// store, a range pack, an exported directory, and an imported copy.
func TestGoldenDigests(t *testing.T) {
	if testing.Short() {
		t.Skip("dozens of processes")
	}
	dirs, err := os.ReadDir(goldenLedgers)
	if err != nil || len(dirs) < 4 {
		t.Fatalf("%d golden ledgers (%v)", len(dirs), err)
	}
	for _, dir := range dirs {
		t.Run(dir.Name(), func(t *testing.T) {
			b, g := newGait(t), readGolden(t, dir.Name())
			key := g.keys.Current().String()
			pack := b.adopt(g)
			b.succeeds("ledger", "export", "--root", "jobs", "--dir", "exported", "--json")
			b.succeeds("ledger", "import", "exported", "--root", "copy", "--public-key", key, "--json")
			for _, cores := range []int{1, 8} {
				on := b
				on.env = append(on.env[:len(on.env):len(on.env)], fmt.Sprint("GOMAXPROCS=", cores))
				for _, source := range []string{"jobs", "exported", "copy"} {
					on.succeeds("replay", source, "--public-key", key, "--expect", g.digest, "--json")
				}
				if got := packDigest(t, pack, cores); got != g.digest {
					t.Errorf("on %d cores the range pack gives %s, want %s", cores, got, g.digest)
				}
				if signerOf(g.keys.Current()) != nil {
					on.succeeds("replay", "range.zip", "--public-key", key, "--expect", g.digest, "--json")
				}
			}
		})
	}
}

func (b builtGait) succeeds(args ...string) {
	b.t.Helper()
	if code, said := b.run(args...); code != 0 {
		b.t.Errorf("gait %s exits %d (%s)", strings.Join(args, " "), code, said.ErrorCode)
	}
}

// adopt makes jobs, a root with the golden ledger in its store, and range.zip, a
// pack of all of it, which it returns.
func (b builtGait) adopt(g golden) []byte {
	b.t.Helper()
	o := root.Options{Dir: filepath.Join(b.dir, "jobs"), Home: filepath.Join(b.dir, "home"), Now: time.Now, Entropy: rand.Reader, Fatal: func(err error) { panic(err) }}
	if err := root.Import(b.t.Context(), o, root.Copied{Copy: g.copy, Keys: g.keys, Content: g.content.each}); err != nil {
		b.t.Fatal(err)
	}
	opened, err := root.Open(b.t.Context(), o)
	if err != nil {
		b.t.Fatal(err)
	}
	defer opened.Close()
	signer := signerOf(g.keys.Current())
	if signer == nil {
		signer = keylessSigner{g.keys.Current()}
	}
	var pack packspec.Buffer
	if _, err := packspec.BuildRange(b.t.Context(), &pack, opened.Log, 0, -1, signer, packspec.RangeOptions{}); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(b.dir, "range.zip"), pack.Bytes(), 0o600); err != nil {
		b.t.Fatal(err)
	}
	return pack.Bytes()
}

// signerOf returns the private key of a verifier key. It is known for the keys of
// tests; those of the shipped ledgers no longer exist.
func signerOf(key ledger.VerifierKey) ledger.Signer {
	for n := range uint64(4) {
		if private := ledgertest.KeyAfter(key.Name(), n); private.VerifierKey() == key {
			return private
		}
	}
	return nil
}

// A keylessSigner makes zero signatures: its packs hold the events and do not verify.
type keylessSigner struct{ key ledger.VerifierKey }

func (k keylessSigner) Name() string                    { return k.key.Name() }
func (k keylessSigner) KeyHash() uint32                 { return 0 }
func (k keylessSigner) Sign([]byte) ([]byte, error)     { return make([]byte, 64), nil }
func (k keylessSigner) VerifierKey() ledger.VerifierKey { return k.key }

// packDigest replays a pack's events in this process.
func packDigest(t *testing.T, pack []byte, cores int) string {
	t.Helper()
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(cores))
	events, err := packspec.Events(bytes.NewReader(pack), int64(len(pack)))
	if err != nil {
		t.Fatal(err)
	}
	var replay projection.Replay
	for e, err := range events {
		if err == nil {
			err = replay.Add(e)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	_, whole, err := replay.Finish()
	if err != nil {
		t.Fatal(err)
	}
	return whole.String()
}
