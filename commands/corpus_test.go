package commands_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"

	"gait/commands"
	"gait/ledger"
	"gait/ledger/ledgertest"
	"gait/ledger/store"
	"gait/projection"
)

var update = flag.Bool("update", false, "write the golden corpus anew")

// goldenLedgers holds a ledger of each version ever shipped, and the corpus:
// ledgers that this package tells with the commands as they are now.
const goldenLedgers = "../fixtures/ledgers"

// corpus says how each ledger of the corpus is told.
var corpus = map[string]func(*teller){
	"corpus-table":  tellTable,
	"corpus-limits": tellLimits,
}

// A teller tells a ledger of the corpus: an engine on a real store, with a
// clock, entropy and keys that repeat.
type teller struct {
	t       testing.TB
	log     *store.Log
	engine  *commands.Engine
	clock   ledgertest.Clock
	entropy io.Reader
}

// begin creates the ledger with its event 0.
func (c *teller) begin(origin string, predecessor *ledger.Predecessor) {
	c.t.Helper()
	c.clock.Step, c.entropy = 7*time.Millisecond, ledgertest.Entropy(29)
	key := ledgertest.Key(origin)
	first := ledgertest.First(key.VerifierKey())
	first.Payload = ledger.LedgerCreated{Format: ledger.Format, Key: key.VerifierKey().String(), Predecessor: predecessor}
	first, err := ledger.Seal(first)
	if err != nil {
		c.t.Fatal(err)
	}
	if c.log, err = store.Create(ledgertest.Dir, first, store.Options{FS: ledgertest.NewFS(c.t), Signer: key}); err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { c.log.Close() })
	c.engine = &commands.Engine{Log: c.log, Now: c.clock.Now, Entropy: c.entropy}
}

// do carries out a request for a job; ok says whether it is to be allowed.
func (c *teller) do(job string, r commands.Request, ok bool) {
	c.t.Helper()
	r.JobID = job
	result, err := c.engine.Do(c.t.Context(), r)
	no, refused := errors.AsType[*commands.RefusedError](err)
	if err != nil && !refused || ok == refused || refused && no.Result.Repeated || result.Replayed {
		c.t.Fatalf("%s of %s: %v, want it allowed: %t", r.Command.Verb(), job, err, ok)
	}
}

// tell carries out requests that are all allowed.
func (c *teller) tell(job string, requests ...commands.Request) {
	c.t.Helper()
	for _, r := range requests {
		c.do(job, r, true)
	}
}

// append writes an event that no command leads to, but that the format and the
// rules allow.
func (c *teller) append(e ledger.Event) {
	c.t.Helper()
	_, head, _, err := projection.Load(c.log, e.JobID)
	if err != nil {
		c.t.Fatal(err)
	}
	e = c.next(e)
	e.JobSeq, e.JobPrev, e.Revision = head.JobSeq+1, head.Leaf, head.Revision
	if e.Type() != ledger.TypeRefused {
		e.Revision++
	}
	c.put(e)
}

// next places an event after the ledger's last.
func (c *teller) next(e ledger.Event) ledger.Event {
	c.t.Helper()
	head, now := c.log.Head(), c.clock.Now()
	id, err := ulid.New(ulid.Timestamp(now), c.entropy)
	if err != nil {
		c.t.Fatal(err)
	}
	e.Seq, e.Origin, e.Prev, e.ID = ledger.Seq(head.Size), c.log.Origin(), head.Leaf, id.String()
	e.Time, e.Clock = head.At(now)
	return e
}

// put writes an event of a job with the job's view.
func (c *teller) put(e ledger.Event) ledger.Event {
	c.t.Helper()
	e, err := ledger.Seal(e)
	if err != nil {
		c.t.Fatal(err)
	}
	job, _, _, err := projection.Load(c.log, e.JobID)
	if err == nil {
		job, err = projection.Apply(job, e)
	}
	if err != nil {
		c.t.Fatal(err)
	}
	view := projection.EncodeJob(job, e.LeafHash())
	if _, err := c.log.Append(c.t.Context(), c.log.Head(), ledger.Entry{Event: e, View: view}); err != nil {
		c.t.Fatal(err)
	}
	return e
}

// rotate hands the ledger over to the n-th key of its origin.
func (c *teller) rotate(n uint64, reason string) {
	c.t.Helper()
	next := ledgertest.KeyAfter(c.log.Origin(), n)
	e, err := ledger.Seal(c.next(ledger.Event{Actor: "operator",
		Payload: ledger.KeyRotated{Key: next.VerifierKey().String(), Previous: c.log.Key().String(), Reason: reason}}))
	if err == nil {
		_, err = c.log.Rotate(c.t.Context(), c.log.Head(), e, next)
	}
	if err != nil {
		c.t.Fatal(err)
	}
}

// files returns what is kept of the ledger. The views and digests beside them
// are written where they are checked, in fixtures.
func (c *teller) files() map[string][]byte {
	c.t.Helper()
	ledgertest.Check(c.t, c.log)
	var lines bytes.Buffer
	for e, err := range c.log.Events(0) {
		if err != nil {
			c.t.Fatal(err)
		}
		lines.Write(append(e.Bytes(), '\n'))
	}
	_, signed := c.log.Checkpoint()
	files := map[string][]byte{"events.jsonl": lines.Bytes(), "checkpoint": signed}
	rotations, err := c.log.Rotations()
	if err != nil {
		c.t.Fatal(err)
	}
	for i, r := range rotations {
		files[fmt.Sprintf("keys/%04d.tlog-proof", i+1)] = []byte(r.Proof.String())
	}
	return files
}

// The corpus is, to the byte, what the commands write today.
func TestCorpus(t *testing.T) {
	for _, name := range slices.Sorted(maps.Keys(corpus)) {
		t.Run(name, func(t *testing.T) {
			c := &teller{t: t}
			corpus[name](c)
			if *update { // a proof that is there no more is not to stay
				if err := os.RemoveAll(filepath.Join(goldenLedgers, name, "keys")); err != nil {
					t.Fatal(err)
				}
			}
			for file, want := range c.files() {
				path := filepath.Join(goldenLedgers, name, filepath.FromSlash(file))
				if *update {
					rewrite(t, path, want)
				}
				got, err := os.ReadFile(path)
				if err != nil {
					t.Errorf("%v: make update", err)
				} else if !bytes.Equal(got, want) {
					t.Errorf("%s is not what the commands write now; first in line %d (make update, if that is right)", path, differ(got, want))
				}
			}
		})
	}
}

func rewrite(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
}

// differ returns the first line, from 1, in which a and b differ.
func differ(a, b []byte) int {
	line := 1
	for i := 0; i < len(a) && i < len(b) && a[i] == b[i]; i++ {
		if a[i] == '\n' {
			line++
		}
	}
	return line
}
