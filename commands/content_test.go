package commands_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"gait/commands"
	"gait/ledger"
	"gait/ledger/content"
	"gait/ledger/ledgertest"
)

// A kept is content beside a bench's log. It counts what the engine asks of it.
type kept struct {
	*content.Store
	mu    sync.Mutex
	syncs []int // the number of events of each Sync
	fail  error // of the next Sync
}

func keepContent(t *testing.T, b *bench) *kept {
	k := &kept{Store: content.Open(filepath.Join(t.TempDir(), "content"))}
	b.engine.Content = k
	return k
}

func (k *kept) Sync(ctx context.Context, events []ledger.Event) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.syncs = append(k.syncs, len(events))
	if err := k.fail; err != nil {
		k.fail = nil
		return err
	}
	return k.Store.Sync(ctx, events)
}

func (k *kept) put(t *testing.T, job, text string) ledger.Content {
	t.Helper()
	e, err := k.Job(job).PutFrom(strings.NewReader(text), ledgertest.EntropyOf(job), 0)
	if err != nil {
		t.Fatal(err)
	}
	return ledger.Content{Digest: e.Digest, Size: e.Size}
}

// attaching returns a request that names content.
func attaching(job string, c ledger.Content) commands.Request {
	r := checkpoint(ledger.CheckpointProgress)
	add, _ := r.Command.(commands.AddCheckpoint)
	add.Attachments = []ledger.Attachment{{Content: c, Role: ledger.AttachState}}
	r.Command, r.JobID = add, job
	return r
}

// What an event names is durable before it is committed. The first event of a job that
// names content names its secret too.
func TestContentIsKeptBeforeItsEvent(t *testing.T) {
	b := newBench(t)
	k := keepContent(t, b)
	was := b.must(submit()).Job
	for _, text := range []string{"one", "two"} {
		did := b.must(attaching("job_1", k.put(t, "job_1", text)))
		event := did.Event
		if again := content.Open(k.Dir()); again.Check(event) != nil {
			t.Errorf("event %d is committed and its content is not: %v", event.Seq(), again.Check(event))
		}
		p, _ := event.Payload().(ledger.CheckpointAdded)
		want, err := k.ContentKey("job_1")
		if !was.ContentKey.IsZero() {
			want = ledger.Hash{}
		}
		was = did.Job
		if err != nil || p.ContentKey != want {
			t.Errorf("the content key of event %d is %s, %v, want %s", event.Seq(), p.ContentKey, err, want)
		}
	}
	b.must(pause())
	if len(k.syncs) != 2 {
		t.Errorf("%d syncs, want one for each event that names content", len(k.syncs))
	}
}

// What is not kept is not named, also in a dry run. Without content beside it, an engine
// asks nothing.
func TestContentThatIsNotKept(t *testing.T) {
	b := newBench(t)
	k := keepContent(t, b)
	b.must(submit())
	c := k.put(t, "job_2", "another job's")
	r := attaching("job_1", c)
	if err := b.fails(r); !errors.Is(err, ledger.ErrContentMissing) {
		t.Errorf("naming another job's content = %v, want ErrContentMissing", err)
	}
	r.DryRun = true
	if err := b.fails(r); !errors.Is(err, ledger.ErrContentMissing) {
		t.Errorf("a dry run = %v, want ErrContentMissing", err)
	}
	own := k.put(t, "job_1", "its own")
	own.Size++
	if err := b.fails(attaching("job_1", own)); !errors.As(err, new(*content.SizeError)) {
		t.Errorf("naming another size = %v, want a SizeError", err)
	}
	b.engine.Content = nil
	b.must(attaching("job_1", c))
}

// The contents that the commands of a batch name are made durable at once.
func TestOneSyncOfContentForABatch(t *testing.T) {
	s := newStage(t)
	k := keepContent(t, s.bench)
	first := s.start(t.Context(), pause())
	<-s.began
	rest := s.start(t.Context(), many(20, func(i int) commands.Request {
		r := attaching("job_1", k.put(t, "job_1", strings.Repeat("x", i/2)))
		r.Actor = "worker"
		return r
	})...)
	s.through <- struct{}{}
	if n := <-s.began; n != 20 {
		t.Errorf("the second batch has %d events, want 20", n)
	}
	s.through <- struct{}{}
	s.wait.Wait()
	for _, err := range append(first.errs, rest.errs...) {
		if err != nil {
			t.Error(err)
		}
	}
	if len(k.syncs) != 1 || k.syncs[0] != 20 {
		t.Errorf("the syncs are of %v events, want one of 20", k.syncs)
	}
	s.log.check(t)
}

// If content cannot be made durable, nothing of its batch is written. The commands that name
// none are decided again, and so are those of the batch behind.
func TestContentThatCannotBeSynced(t *testing.T) {
	full := errors.New("the disk is full")
	for name, fail := range map[string]error{"full": full, "missing": &content.MissingError{}} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			k := keepContent(t, s.bench)
			k.fail = fail
			first := s.start(t.Context(), pause())
			<-s.began
			c := k.put(t, "job_1", "x")
			named := s.startBehind(t.Context(), attaching("job_1", c))
			plain := s.startBehind(t.Context(), many(5, progress)...)
			s.log.onCommit = nil
			s.through <- struct{}{}
			s.wait.Wait()
			for _, err := range append(first.errs, plain.errs...) {
				if err != nil {
					t.Errorf("a command that names no content = %v", err)
				}
			}
			want := fail
			if name == "missing" { // what it names is there: it was another content that was not
				want = nil
			}
			if err := named.errs[0]; !errors.Is(err, want) || (want == nil) != (err == nil) {
				t.Errorf("the command that names content = %v, want %v", err, want)
			}
			s.log.check(t)
		})
	}
}

// Erased content is deleted before the command is answered. If that fails, the same request
// does it; but not once the job has changed, since it may name the same content again.
func TestErasedContentIsDeleted(t *testing.T) {
	b := newBench(t)
	k := keepContent(t, b)
	b.must(submit())
	c := k.put(t, "job_1", "a name")
	b.must(attaching("job_1", c))
	has := func() bool {
		t.Helper()
		there, err := k.Job("job_1").Has(c.Digest)
		if err != nil {
			t.Fatal(err)
		}
		return there
	}
	erase := commands.Request{Command: commands.EraseContent{Digest: c.Digest}, Reason: "asked to", RequestID: "e-1", JobID: "job_1", Actor: "operator"}
	dry := erase
	dry.DryRun = true
	if b.must(dry); !has() {
		t.Error("a dry run deletes")
	}
	path := filepath.Join(k.Dir(), "jobs", content.OwnerOf("job_1").String())
	ledgertest.Must(t, errors.Join(os.Rename(path, path+"-"), os.Mkdir(path, 0o700), os.MkdirAll(filepath.Join(path, c.Digest.String(), "full"), 0o700)))
	if _, err := b.do(erase); err == nil || !strings.Contains(err.Error(), "not deleted yet") {
		t.Errorf("what cannot be deleted = %v", err)
	}
	ledgertest.Must(t, errors.Join(os.RemoveAll(path), os.Rename(path+"-", path)))
	if did := b.must(erase); !did.Replayed || has() {
		t.Errorf("the same request deletes it: %t, replayed %t", !has(), did.Replayed)
	}
	b.must(attaching("job_1", k.put(t, "job_1", "a name")))
	if did := b.must(erase); !did.Replayed || !has() {
		t.Error("an old request deletes what was named since")
	}
	erase.RequestID = "e-2"
	if b.must(erase); has() {
		t.Error("a new request does not delete")
	}
}

// If the secret of a job's content is gone, or is another one, no event of the job names
// content: the digest would say nothing of those before. Other jobs go on, and this one too
// where it names none.
func TestContentSecretIsCompared(t *testing.T) {
	b := newBench(t)
	k := keepContent(t, b)
	b.must(submit())
	b.must(attaching("job_1", k.put(t, "job_1", "one")))
	path := filepath.Join(k.Dir(), "jobs", content.OwnerOf("job_1").String())
	ledgertest.Must(t, os.Rename(path, path+"-"))
	k.Store = content.Open(k.Dir())
	e, err := k.Job("job_1").PutFrom(strings.NewReader("one"), ledgertest.EntropyOf("another secret"), 0)
	ledgertest.Must(t, err)
	r := attaching("job_1", ledger.Content{Digest: e.Digest, Size: e.Size})
	for _, r.DryRun = range []bool{true, false} {
		if err := b.fails(r); !errors.Is(err, ledger.ErrContentSecret) {
			t.Errorf("naming content under another secret, dry run %t = %v, want ErrContentSecret", r.DryRun, err)
		}
	}
	b.must(pause())
	ledgertest.Must(t, errors.Join(k.Flush(), os.RemoveAll(path), os.Rename(path+"-", path)))
	k.Store = content.Open(k.Dir())
	b.must(attaching("job_1", k.put(t, "job_1", "two")))
}
