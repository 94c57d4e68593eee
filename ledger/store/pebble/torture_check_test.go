package pebble_test

import (
	"bytes"
	"context"

	"gait/commands"
	"gait/ledger"
	"gait/ledger/ledgertest"
	"gait/projection"
)

// used returns the event that has used a request id up, or -1.
func (l *life) used(id string) ledger.Seq {
	if id == "" {
		return -1
	}
	found, err := l.log.Load(context.Background(), nil, []string{id})
	l.fail("looking up a request id", err)
	if e, used := found.Requests[id]; used {
		return e.Seq()
	}
	return -1
}

func (l *life) revision(job string) int64 {
	head, _, err := ledger.FindJob(context.Background(), l.log, job)
	l.fail("reading a job's head", err)
	return head.Revision
}

// fail ends the test on an error.
func (l *life) fail(doing string, err error) {
	l.t.Helper()
	if err != nil {
		l.t.Fatalf("life %d, %s: %v", l.lives, doing, err)
	}
}

// answered checks what a client was told, and remembers it.
func (l *life) answered(a answer) {
	a.client.open = nil
	w := a.written()
	if w == nil && !a.declined() {
		l.fail(a.request.Command.Verb(), a.err)
	}
	switch {
	case w == nil:
		l.note("%s %s %s: %v", a.client.name, a.request.Command.Verb(), a.request.JobID, a.err)
		l.count.add("declined")
		return
	case a.request.DryRun:
		l.count.add("dry runs")
		return
	}
	l.note("%s %s %s: event %d, %v", a.client.name, a.request.Command.Verb(), a.request.JobID, w.Event.Seq(), a.err)
	l.checkAnswer(a, w)
	l.acked[w.Event.Seq()] = w.Event
	l.leased(a, w.Event)
	if len(w.Receipt.Checkpoint) > 0 {
		c, err := ledger.OpenCheckpoint(w.Receipt.Checkpoint, l.log.Keys().Current())
		l.fail("opening a receipt's checkpoint", err)
		l.checks = append(l.checks, c)
	}
	if a.err == nil && a.request.RequestID != "" {
		a.client.settled = append(a.client.settled, a.request)
	}
	l.tell(a, w)
}

// tell counts an answer.
func (l *life) tell(a answer, w *commands.Result) {
	switch {
	case a.retry && w.Replayed:
		l.count.add("retries that found their event")
	case a.retry:
		l.count.add("retries that wrote it")
	case a.err != nil:
		l.count.add("refused")
	}
	if w.Receipt.TreeSize > int64(w.Event.Seq())+1 {
		l.count.add("acknowledged before the last of their batch")
	}
	l.count.add("acknowledged")
}

// checkAnswer holds an answer against the request and the log.
func (l *life) checkAnswer(a answer, w *commands.Result) {
	e := w.Event
	if got := tagOf(e.Payload()); got != tag(a.request) {
		l.t.Fatalf("%s was told of the event of %s", tag(a.request), got)
	}
	if w.Replayed != (a.was >= 0) || w.Replayed && e.Seq() != a.was {
		l.t.Fatalf("%s: replayed is %t with event %d, the request id was that of event %d", tag(a.request), w.Replayed, e.Seq(), a.was)
	}
	if w.Receipt.Seq != e.Seq() || w.Receipt.Leaf != e.LeafHash() || w.Receipt.Revision != e.Revision() {
		l.t.Fatalf("receipt %+v of event %d", w.Receipt, e.Seq())
	}
	l.checkEvent(e)
}

// checkEvent finds an acknowledged event in the log, and proves it.
func (l *life) checkEvent(e ledger.Event) {
	got, err := l.log.Event(context.Background(), e.Seq())
	l.fail("reading an acknowledged event", err)
	if !bytes.Equal(got.Bytes(), e.Bytes()) {
		l.t.Fatalf("event %d was acknowledged, and is another one", e.Seq())
	}
	p, err := ledger.NewestProof(context.Background(), l.log, e.Seq())
	l.fail("proving an acknowledged event", err)
	c, err := ledger.OpenCheckpoint(p.Checkpoint, l.log.Keys().Current())
	l.fail("opening the newest checkpoint", err)
	l.fail("an acknowledged event's proof", p.Check(e.LeafHash(), c))
}

// checkGrowth requires that the log has grown by the events of the answers that are new.
func (l *life) checkGrowth(size int64, answers []answer) {
	for _, a := range answers {
		if w := a.written(); w != nil && !w.Replayed && !w.Repeated && !a.request.DryRun {
			size++
		}
	}
	c, _ := l.log.Checkpoint()
	if l.log.Head().Size != size || c.Size != size {
		l.t.Fatalf("%d events in a checkpoint of %d, want %d", l.log.Head().Size, c.Size, size)
	}
	if l.published != c {
		l.t.Fatalf("published is a checkpoint of %d, the newest one has %d", l.published.Size, c.Size)
	}
}

// checkRecovered checks everything after a start.
func (l *life) checkRecovered() {
	l.honest(l.log, l.came)
	l.came = nil
	for _, e := range l.acked {
		l.checkEvent(e)
	}
	l.mu.Lock()
	told := l.told
	l.told = nil
	l.mu.Unlock()
	for _, e := range told {
		l.checkEvent(e)
	}
	l.checkCheckpoint(l.published)
	ledgertest.Check(l.t, l.log)
	l.checkTwice()
	l.checkLeases()
	for job, err := range projection.Rebuild(context.Background(), l.log) {
		l.fail("rebuilding a job's view", err)
		if missing := job.Stored == nil && l.rotationCut; !job.Same() && !missing {
			l.t.Fatalf("the view of %s is not what its events give", job.JobID)
		}
	}
	// From now on the checkpoint counts, even if no client was told of its event.
	c, _ := l.log.Checkpoint()
	l.published = c
}

// checkAll is checkRecovered, and holds every receipt's checkpoint against the
// newest one.
func (l *life) checkAll() {
	l.checkRecovered()
	for _, c := range l.checks {
		l.checkCheckpoint(c)
	}
	l.count.addN("acknowledged events at the end", len(l.acked))
	l.count.addN("events at the end", int(l.log.Head().Size))
}

// checkCheckpoint proves that a checkpoint seen before is of this history.
func (l *life) checkCheckpoint(older ledger.Checkpoint) {
	if older.Size == 0 {
		return
	}
	newer, signed := l.log.Checkpoint()
	if older.Size > newer.Size {
		l.t.Fatalf("a checkpoint of %d events was seen, there are %d", older.Size, newer.Size)
	}
	path, err := l.log.ConsistencyIn(context.Background(), signed, older.Size)
	l.fail("proving consistency", err)
	l.fail("a checkpoint seen before", ledger.CheckConsistency(path, older, newer))
}

// checkTwice requires that no command was carried out twice. A refusal uses no
// request id up, so what was asked for again may be refused again.
func (l *life) checkTwice() {
	seen := map[string]ledger.Seq{}
	for e, err := range l.log.Events(context.Background(), 1) {
		l.fail("reading events", err)
		tag := tagOf(e.Payload())
		if e.Type().OfLedger() {
			continue
		}
		if e.Type() == ledger.TypeRefused && l.retried[tag] {
			continue
		}
		if before, twice := seen[tag]; twice {
			l.t.Fatalf("events %d and %d are both of %s", before, e.Seq(), tag)
		}
		seen[tag] = e.Seq()
	}
}
