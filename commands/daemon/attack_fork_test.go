package daemon_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"gait/commands"
	"gait/ledger"
	"gait/ledger/ledgertest"
	"gait/ledger/store"
	"gait/ledger/store/memtable"
)

// withKeys sets what a log is opened with.
func withKeys(o *store.Options, h how) {
	o.Indexed, o.OneShot, o.ReadOnly = !h.forgot, h.oneShot, h.readOnly
	if !h.keyless {
		o.Keys = ledgertest.MACKeys
	}
	if !h.readOnly && !h.keyless {
		o.Signer = ledgertest.Key(ledgertest.Origin)
	}
}

// makePast makes a ledger by random commands. intN returns a number from 0 to n-1.
func makePast(t testing.TB, intN func(n int) int) *ledgertest.Past {
	table := &memtable.Table{}
	o := store.Options{}
	withKeys(&o, how{})
	if err := store.Create(t.Context(), table, ledgertest.First(o.Signer.VerifierKey()), o); err != nil {
		t.Fatal(err)
	}
	s, err := openStand(t, table, how{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	s.entropy = ledgertest.Entropy(5)
	p := &ledgertest.Past{Jobs: []string{"a", "ab", "b", "c", "never"}, Requests: []string{"r1", "r2", "r3", "never"}}
	for range 4 + intN(20) {
		if _, err := s.do(t.Context(), aRequest(p, intN)); err != nil && !isAnswer(err) {
			t.Fatal(err)
		}
		rows, err := ledgertest.ReadRows(t.Context(), table)
		if err != nil {
			t.Fatal(err)
		}
		p.Rows = append(p.Rows, rows)
	}
	return p
}

// aRequest draws a command.
func aRequest(p *ledgertest.Past, intN func(n int) int) commands.Request {
	r := commands.Request{JobID: p.Jobs[intN(len(p.Jobs)-1)], Actor: "worker_1", Command: verbs[intN(len(verbs))]}
	switch r.Command.(type) {
	case commands.Approve, commands.Deny:
		r.Actor = "reviewer_1"
	}
	if intN(3) == 0 {
		r.RequestID = p.Requests[intN(len(p.Requests)-1)]
	}
	return r
}

var verbs = []commands.Command{
	commands.Submit{EnvironmentFingerprint: "envfp:prod", ProducerVersion: "test/1"},
	commands.Submit{EnvironmentFingerprint: "envfp:prod", ProducerVersion: "test/1"},
	commands.AddCheckpoint{Type: ledger.CheckpointProgress, Summary: "a step"},
	commands.AddCheckpoint{Type: ledger.CheckpointDecisionNeeded, Summary: "may it go on?", RequiredAction: "decide"},
	commands.AddCheckpoint{Type: ledger.CheckpointCompleted, Summary: "done"},
	commands.Pause{},
	commands.Approve{},
	commands.Deny{},
	commands.Stop{},
	commands.Cancel{},
	commands.Resume{EnvironmentFingerprint: "envfp:prod"},
}

// isAnswer reports whether an error is an answer that honest ledgers give too.
func isAnswer(err error) bool {
	f, known := ledger.FaultOf(err)
	answers := []ledger.Category{ledger.CategoryInvalid, ledger.CategoryPolicy, ledger.CategoryApproval, ledger.CategoryConflict}
	return known && slices.Contains(answers, f.Category) && !errors.Is(err, ledger.ErrUnsupportedVersion)
}

// isAlarm reports whether an error says that the ledger does not hold, that it is not
// one to be written, or that another process has written it.
func isAlarm(err error) bool {
	f, _ := ledger.FaultOf(err)
	alarms := []ledger.Category{ledger.CategoryVerification, ledger.CategoryConflict, ledger.CategoryContention}
	return slices.Contains(alarms, f.Category) || errors.Is(err, store.ErrImported) || f.Code == "unsupported_version" || f.Code == "ledger_read_only"
}

// outcomes counts what came of edits.
type outcomes struct {
	edits, refused, right int
	false                 []string // answers that were not those of the ledger
}

// A reply is what a probe led to.
type reply struct {
	said string
	err  error
}

func (r reply) String() string { return fmt.Sprintf("%.2000s (%v)", r.said, r.err) }

// compare counts the reply of a tampered ledger.
func (o *outcomes) compare(what string, got, want reply) {
	switch {
	case got.said == want.said && fmt.Sprint(got.err) == fmt.Sprint(want.err):
		o.right++
	case got.err != nil && isAlarm(got.err):
		o.refused++
	default:
		o.false = append(o.false, fmt.Sprintf("%s\n got %s\nwant %s", what, got, want))
	}
}

// A trial compares ledgers that were tampered with with what is true.
type trial struct {
	t      testing.TB
	past   *ledgertest.Past
	reads  []probe
	writes []probe
	true   []reply   // to the reads
	after  [][]reply // to each write, and then to the reads
	o      *outcomes
}

// newTrial asks an honest ledger, which is opened as h says.
func newTrial(t testing.TB, p *ledgertest.Past, h how, o *outcomes) *trial {
	tr := &trial{t: t, past: p, reads: reads(p.Jobs, p.Requests), o: o}
	for _, job := range []string{"a", "b", "never"} {
		for i, verb := range verbs[1:] {
			r := commands.Request{JobID: job, Actor: "worker_1", Command: verb}
			tr.reads = append(tr.reads, attempt(commands.Request{JobID: job, Actor: "reviewer_1", Command: verb, DryRun: true}))
			if i%3 == 0 {
				r.RequestID = "r1"
			}
			if !h.daemon || i%4 == 0 { // each of them starts a daemon
				tr.writes = append(tr.writes, attempt(r))
			}
		}
	}
	s := tr.open(p.Now().Table(), h)
	tr.true = tr.ask(s, tr.reads)
	s.close()
	for _, write := range tr.writes {
		s := tr.open(p.Now().Table(), h)
		tr.after = append(tr.after, tr.ask(s, append([]probe{write}, tr.reads...)))
		s.close()
	}
	return tr
}

// open opens a ledger that was not tampered with.
func (tr *trial) open(table *memtable.Table, h how) *stand {
	s, err := openStand(tr.t, table, h)
	if err != nil {
		tr.t.Fatal(err)
	}
	return s
}

func (tr *trial) ask(s *stand, probes []probe) (all []reply) {
	for _, p := range probes {
		said, err := p.answer(tr.t.Context(), s)
		all = append(all, reply{said, err})
	}
	return all
}

// A blow is one attack: other rows, and when they come.
type blow struct {
	how
	steps   [][]string
	running bool // the ledger is open when the rows come
	warm    bool // and was asked before
	forgets bool // and its engine has dropped what it had read
	write   int  // what is commanded in the end
}

func (b blow) String() string {
	lines := make([]string, len(b.steps))
	for i, step := range b.steps {
		lines[i] = strings.Join(step, " ")
	}
	return fmt.Sprintf("%q, %+v, running %t, warm %t, forgets %t", lines, b.how, b.running, b.warm, b.forgets)
}

// strike carries an attack out, asks everything, commands something, and asks again.
func (tr *trial) strike(b blow) {
	rows := tr.past.Edited(b.steps)
	if rows == nil {
		return
	}
	tr.o.edits++
	table := rows.Table()
	if b.running {
		table = tr.past.Now().Table()
	}
	s, err := openStand(tr.t, table, b.how)
	if err != nil {
		tr.o.compare(b.String()+": open", reply{err: err}, reply{})
		return
	}
	defer s.close()
	if state := s.log.Index(); b.keyless && state == ledger.IndexProved {
		tr.t.Errorf("%s: without a key the index is %s", b, state)
	}
	if err := tr.seen(s); err != nil {
		tr.o.compare(b.String()+": open", reply{err: err}, reply{})
		return
	}
	if b.running {
		if b.warm {
			tr.ask(s, tr.reads)
		}
		ledgertest.TamperWith(table, tr.past.Now(), rows)
		if b.forgets {
			s.engine.Drain()
			s.restart()
		}
	}
	for i, got := range tr.ask(s, tr.reads) {
		if told := b.forgot && s.log.Index() != ledger.IndexProved; !told {
			tr.o.compare(b.String()+": "+tr.reads[i].name, got, tr.true[i])
		}
	}
	if b.readOnly {
		return
	}
	probes := append([]probe{tr.writes[b.write]}, tr.reads...)
	if b.forgot {
		probes = probes[:1]
	}
	got := tr.ask(s, probes)
	want := tr.after[b.write]
	if got[0].err != nil && isAlarm(got[0].err) {
		want = append([]reply{want[0]}, tr.true...) // nothing was written
	}
	for i := range got {
		tr.o.compare(fmt.Sprintf("%s: after %s: %s", b, probes[0].name, probes[i].name), got[i], want[i])
	}
}

// seen makes the checks of package root at each open: of the outside checkpoint, and
// that a ledger that was created here is not taken for a copy.
func (tr *trial) seen(s *stand) error {
	if s.log.Imported() {
		return store.ErrImported
	}
	if _, signed := s.log.Checkpoint(); !bytes.Equal(signed, tr.past.Now()["m/checkpoint"]) {
		return fmt.Errorf("the ledger has another end: %w", ledger.ErrUnverified)
	}
	return nil
}

// aBlow draws an attack.
func aBlow(tr *trial, intN func(n int) int) blow {
	yes := func() bool { return intN(2) == 0 }
	return blow{
		steps: tr.past.Attack(intN), how: how{readOnly: yes(), oneShot: yes()},
		running: yes(), warm: yes(), forgets: yes(), write: intN(len(tr.writes)),
	}
}

// drawing returns a source of numbers that a failing test makes smaller.
func drawing(t *rapid.T) func(n int) int {
	return func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "of") }
}

// report logs what came of all edits, and requires that the test shows something.
func (o *outcomes) report(t *testing.T) {
	t.Helper()
	t.Logf("%d edits: %d questions were refused, %d answered rightly, %d falsely", o.edits, o.refused, o.right, len(o.false))
	if o.refused == 0 || o.right == 0 {
		t.Error("the test shows nothing")
	}
}

// failure returns the first false answer; "" if there is none.
func (o *outcomes) failure() string {
	if len(o.false) == 0 {
		return ""
	}
	return fmt.Sprintf("%d answers were changed, the first of them:\n%s", len(o.false), o.false[0])
}

// Random edits of a ledger's rows change no answer: each question and command is
// refused, or answered as if there had been no edit.
func TestRandomEditsAreRefused(t *testing.T) {
	o := &outcomes{}
	rapid.Check(t, func(r *rapid.T) {
		tr := newTrial(t, makePast(t, drawing(r)), how{}, o)
		for range 36 {
			tr.strike(aBlow(tr, drawing(r)))
		}
		if failure := o.failure(); failure != "" {
			r.Fatal(failure)
		}
	})
	if o.report(t); o.edits < 2000 && !testing.Short() {
		t.Errorf("only %d edits", o.edits)
	}
}

// So it is through a daemon.
func TestRandomEditsAreRefusedByADaemon(t *testing.T) {
	o, h, seed := &outcomes{}, how{daemon: true}, rand.Uint64()
	intN := rand.New(rand.NewPCG(seed, 1)).IntN
	for range ledgertest.Times(100, 6) {
		tr := newTrial(t, makePast(t, intN), h, o)
		for range 12 {
			b := aBlow(tr, intN)
			b.how, b.forgets = h, false
			tr.strike(b)
		}
	}
	if o.report(t); o.failure() != "" {
		t.Errorf("seed %d: %s", seed, o.failure())
	}
}

// A home that does not know that the ledger had an index builds one where none is said
// to be. What is decided then is right, or refused.
func TestRandomEditsDecideNothingForAHomeThatForgot(t *testing.T) {
	o, seed := &outcomes{}, rand.Uint64()
	intN := rand.New(rand.NewPCG(seed, 1)).IntN
	for range ledgertest.Times(400, 20) {
		tr := newTrial(t, makePast(t, intN), how{}, o)
		for range 20 {
			b := aBlow(tr, intN)
			b.forgot, b.readOnly, b.running = true, false, false
			if intN(2) == 0 {
				b.steps = append(b.steps, []string{"put", "m/format", "31"}, []string{"drop", "index"})
			}
			tr.strike(b)
		}
	}
	if o.report(t); o.failure() != "" {
		t.Errorf("seed %d: %s", seed, o.failure())
	}
}

// One who reads without the ledger's key is not protected by its index, and is told so.
// If this test fails, the ones above show nothing.
func TestRandomEditsHideFromTheKeyless(t *testing.T) {
	o, seed := &outcomes{}, rand.Uint64()
	intN := rand.New(rand.NewPCG(seed, 1)).IntN
	for range ledgertest.Times(100, 10) {
		tr := newTrial(t, makePast(t, intN), how{}, o)
		for range 20 {
			b := aBlow(tr, intN)
			b.readOnly, b.keyless = true, true
			tr.strike(b)
		}
	}
	t.Logf("%d edits: %d questions were refused, %d answered rightly, %d falsely", o.edits, o.refused, o.right, len(o.false))
	if len(o.false) == 0 {
		t.Errorf("seed %d: no edit changed an answer", seed)
	}
}
