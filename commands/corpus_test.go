package commands_test

import (
	"bytes"
	"crypto/sha256"
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
	"gait/ledger/authority"
	"gait/ledger/ledgertest"
	"gait/ledger/mpt"
	"gait/ledger/store"
	"gait/projection"
)

var update = flag.Bool("update", false, "rewrite the golden corpus")

// goldenLedgers holds a ledger of each version ever shipped, and the corpus:
// ledgers that this package writes with the commands as they are now.
const goldenLedgers = "../fixtures/ledgers"

// corpus says how each ledger of the corpus is written.
var corpus = map[string]func(*writer){
	"corpus-authority": writeAuthority,
	"corpus-gate":      writeGate,
	"corpus-lease":     writeLeases,
	"corpus-limits":    writeLimits,
	"corpus-table":     writeTable,
}

// A writer writes a ledger of the corpus: an engine on a real store, with a
// clock, entropy and keys that repeat.
type writer struct {
	t       testing.TB
	log     *store.Log
	engine  *commands.Engine
	clock   ledgertest.Clock
	entropy io.Reader

	inherited []mpt.Key         // of request ids that event 0 says were used before
	contents  map[string][]byte // beside the ledger, by digest
	signed    int               // requests that actors have signed
}

// begin creates the ledger with its event 0.
func (c *writer) begin(origin string, predecessor *ledger.Predecessor) {
	c.t.Helper()
	c.clock.Step, c.entropy = 7*time.Millisecond, ledgertest.Entropy(29)
	key := ledgertest.Key(origin)
	draft := ledgertest.First(key.VerifierKey()).Draft()
	draft.Payload = ledger.LedgerCreated{Format: ledger.Format, Key: key.VerifierKey().String(), Predecessor: predecessor}
	first, err := ledger.Seal(draft)
	if err != nil {
		c.t.Fatal(err)
	}
	o := ledgertest.Options{FS: ledgertest.NewFS(c.t), Signer: key}
	if r := ledger.InheritedRequests(first); r != nil {
		o.Inherited = c.contents[r.Digest.String()]
	}
	if c.log, err = ledgertest.CreateWith(ledgertest.Dir, first, o); err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { c.log.Close() })
	c.engine = &commands.Engine{Log: c.log, Now: c.clock.Now, Entropy: c.entropy}
}

// do carries out a request for a job; ok says whether it is to be allowed.
func (c *writer) do(job string, r commands.Request, ok bool) {
	c.t.Helper()
	r.JobID = job
	result, err := c.engine.Do(c.t.Context(), r)
	no, refused := errors.AsType[*commands.RefusedError](err)
	if err != nil && !refused || ok == refused || refused && no.Result.Repeated || result.Replayed {
		c.t.Fatalf("%s of %s: %v, want it allowed: %t", r.Command.Verb(), job, err, ok)
	}
}

// job returns a job as it is.
func (c *writer) job(id string) projection.Job {
	c.t.Helper()
	job, _, _, err := projection.Load(c.t.Context(), c.log, id)
	if err != nil {
		c.t.Fatal(err)
	}
	return job
}

// must carries out requests that are all allowed.
func (c *writer) must(job string, requests ...commands.Request) {
	c.t.Helper()
	for _, r := range requests {
		c.do(job, r, true)
	}
}

// append writes an event that no command leads to, but that the format and the
// rules allow.
func (c *writer) append(d ledger.Draft) {
	c.t.Helper()
	_, head, _, err := projection.Load(c.t.Context(), c.log, d.JobID)
	if err != nil {
		c.t.Fatal(err)
	}
	d = c.next(d)
	d.JobSeq, d.JobPrev, d.Revision = head.JobSeq+1, head.Leaf, head.Revision
	if d.Type() != ledger.TypeRefused {
		d.Revision++
	}
	c.put(d)
}

// next places an event after the ledger's last.
func (c *writer) next(d ledger.Draft) ledger.Draft {
	c.t.Helper()
	head, now := c.log.Head(), c.clock.Now()
	id, err := ulid.New(ulid.Timestamp(now), c.entropy)
	if err != nil {
		c.t.Fatal(err)
	}
	d.Seq, d.Origin, d.Prev, d.ID, d.Authority = ledger.Seq(head.Size), c.log.Origin(), head.Leaf, id.String(), head.Authority
	d.Time, d.Clock = head.At(now)
	return d
}

// put appends an event of a job with the job's view.
func (c *writer) put(d ledger.Draft) ledger.Event {
	c.t.Helper()
	e, err := ledger.Seal(d)
	if err != nil {
		c.t.Fatal(err)
	}
	job, _, _, err := projection.Load(c.t.Context(), c.log, e.JobID())
	if err == nil {
		var in *authority.State
		if in, err = authority.At(c.t.Context(), c.log, e.Authority()); err == nil {
			job, err = projection.Apply(job, e, in, projection.Call{})
		}
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
func (c *writer) rotate(n uint64, reason string) {
	c.t.Helper()
	next := ledgertest.KeyAfter(c.log.Origin(), n)
	e, err := ledger.Seal(c.next(ledger.Draft{
		Actor:   "operator",
		Payload: ledger.KeyRotated{Key: next.VerifierKey().String(), Previous: c.log.Keys().Current().String(), Reason: reason},
	}))
	if err == nil {
		_, err = c.log.Rotate(c.t.Context(), c.log.Head(), e, next)
	}
	if err != nil {
		c.t.Fatal(err)
	}
}

// move hands the ledger over to the n-th key of its origin, that of another place.
func (c *writer) move(n uint64, reason string) {
	c.t.Helper()
	next := ledgertest.KeyAfter(c.log.Origin(), n)
	e, err := ledger.Seal(c.next(ledger.Draft{Actor: "operator", Payload: ledger.LedgerMoved{To: next.VerifierKey().String(), Reason: reason}}))
	if err == nil {
		_, err = c.log.Rotate(c.t.Context(), c.log.Head(), e, next)
	}
	if err != nil {
		c.t.Fatal(err)
	}
}

// keep keeps content beside the ledger.
func (c *writer) keep(content []byte, mediaType string) ledger.Content {
	if c.contents == nil {
		c.contents = map[string][]byte{}
	}
	digest := ledger.Hash(sha256.Sum256(content))
	c.contents[digest.String()] = content
	return ledger.Content{Digest: digest, MediaType: mediaType, Size: int64(len(content))}
}

// commitIndex puts the root of the index into the ledger.
func (c *writer) commitIndex() {
	c.t.Helper()
	e, err := ledger.Seal(c.next(ledger.Draft{Actor: ledger.ActorGait, Payload: ledger.IndexCommitted{Index: ledgertest.IndexRoot(c.events(), c.inherited...)}}))
	if err == nil {
		_, err = c.log.Append(c.t.Context(), c.log.Head(), ledger.Entry{Event: e})
	}
	if err != nil {
		c.t.Fatal(err)
	}
}

func (c *writer) events() (events []ledger.Event) {
	c.t.Helper()
	for e, err := range c.log.Events(c.t.Context(), 0) {
		if err != nil {
			c.t.Fatal(err)
		}
		events = append(events, e)
	}
	return events
}

// files returns what is kept of the ledger. The views and digests beside them
// are written by the test in fixtures that checks them.
func (c *writer) files() map[string][]byte {
	c.t.Helper()
	ledgertest.CheckInherited(c.t, c.log, c.inherited)
	var lines bytes.Buffer
	for _, e := range c.events() {
		lines.Write(append(e.Bytes(), '\n'))
	}
	_, signed := c.log.Checkpoint()
	files := map[string][]byte{"events.jsonl": lines.Bytes(), "checkpoint": signed}
	rotations, err := c.log.Rotations(c.t.Context())
	if err != nil {
		c.t.Fatal(err)
	}
	for i, r := range rotations {
		files[fmt.Sprintf("keys/%04d.tlog-proof", i+1)] = []byte(r.Proof.String())
	}
	for digest, content := range c.contents {
		files["content/"+digest] = content
	}
	return files
}

// The corpus is, to the byte, what the commands write today.
func TestCorpus(t *testing.T) {
	for _, name := range slices.Sorted(maps.Keys(corpus)) {
		t.Run(name, func(t *testing.T) {
			c := &writer{t: t}
			corpus[name](c)
			if *update { // what no longer exists must not stay
				for _, dir := range []string{"keys", "content"} {
					if err := os.RemoveAll(filepath.Join(goldenLedgers, name, dir)); err != nil {
						t.Fatal(err)
					}
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
