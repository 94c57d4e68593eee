package ledger_test

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"slices"
	"testing"
	"testing/iotest"

	"gait/ledger"
	"gait/ledger/ledgertest"
	"gait/ledger/mpt"
)

// requestKeys returns the keys of n request ids.
func requestKeys(n int) (keys []mpt.Key) {
	for i := range n {
		keys = append(keys, ledger.RequestKey(fmt.Sprintf("used-%d", i)))
	}
	return keys
}

func collect(seq iter.Seq2[mpt.Key, error]) (keys []mpt.Key, err error) {
	for key, err := range seq {
		if err != nil {
			return keys, err
		}
		keys = append(keys, key)
	}
	return keys, nil
}

func TestRequestsRoundTrip(t *testing.T) {
	for _, n := range []int{1, 2, 300} {
		keys := requestKeys(n)
		r, content := ledger.RequestsOf(append(slices.Clone(keys), keys...)) // each twice
		if r.Count != int64(n) || r.Size() != int64(len(content)) || len(content) != 32*n {
			t.Fatalf("%d keys are %+v, with %d bytes", n, r, len(content))
		}
		got, err := collect(ledger.ReadRequests(iotest.OneByteReader(bytes.NewReader(content)), *r))
		slices.SortFunc(keys, func(a, b mpt.Key) int { return bytes.Compare(a[:], b[:]) })
		if err != nil || !slices.Equal(got, keys) {
			t.Errorf("%d keys read as %d, %v", n, len(got), err)
		}
	}
	if r, content := ledger.RequestsOf(nil); r != nil || content != nil {
		t.Errorf("no keys are %+v", r)
	}
}

func TestReadRequestsRefuses(t *testing.T) {
	r, content := ledger.RequestsOf(requestKeys(3))
	other, _ := ledger.RequestsOf(requestKeys(4))
	swapped := slices.Concat(content[32:64], content[:32], content[64:])
	twice := slices.Concat(content[:32], content[:32], content[64:])
	edited := bytes.Clone(content)
	edited[95] ^= 1
	for _, tt := range []struct {
		name    string
		content []byte
		named   ledger.Requests
	}{
		{"empty", nil, *r},
		{"a key less", content[:64], *r},
		{"cut within a key", content[:95], *r},
		{"a byte more", append(bytes.Clone(content), 0), *r},
		{"a key more", append(bytes.Clone(content), bytes.Repeat([]byte{255}, 32)...), *r},
		{"out of order", swapped, *r},
		{"a key twice", twice, *r},
		{"edited", edited, *r},
		{"that of another count", content, ledger.Requests{Count: 4, Digest: r.Digest}},
		{"that of another digest", content, ledger.Requests{Count: 3, Digest: other.Digest}},
	} {
		if _, err := collect(ledger.ReadRequests(bytes.NewReader(tt.content), tt.named)); !errors.Is(err, ledger.ErrUnverified) {
			t.Errorf("%s: %v, want ErrUnverified", tt.name, err)
		}
	}
	broken := errors.New("the disk is gone")
	if _, err := collect(ledger.ReadRequests(iotest.ErrReader(broken), *r)); !errors.Is(err, broken) {
		t.Errorf("a reader that fails: %v", err)
	}
	for range ledger.ReadRequests(bytes.NewReader(content), *r) {
		break // a caller may stop early
	}
}

// successor returns the events of a ledger whose event 0 names used request ids, the
// last of which commits to an index.
func successor(t testing.TB, r *ledger.Requests, commits func(events []ledger.Event) ledger.Hash) (events []ledger.Event) {
	t.Helper()
	first := eventOf(ledger.LedgerCreated{Format: ledger.Format, Key: vkeyText, Predecessor: &ledger.Predecessor{Origin: "gait.example/log0", Requests: r}})
	events = append(events, seal(t, first))
	step := eventOf(ledger.Submitted{EnvironmentFingerprint: "e", ProducerVersion: "1"})
	step.Seq, step.Prev, step.RequestID, step.RequestDigest = 1, events[0].LeafHash(), "of-its-own", hashOf("request")
	events = append(events, seal(t, step))
	last := eventOf(ledger.IndexCommitted{Index: commits(events)})
	last.Seq, last.Prev = 2, events[1].LeafHash()
	return append(events, seal(t, last))
}

// The request ids that event 0 names are in the index, under its leaf hash.
func TestIndexFoldInherits(t *testing.T) {
	keys := requestKeys(500)
	r, content := ledger.RequestsOf(keys)
	events := successor(t, r, func(events []ledger.Event) ledger.Hash { return ledgertest.IndexRoot(events, keys...) })
	f := ledger.IndexFold{Inherited: ledgertest.Inherits(content)}
	for _, e := range events {
		if err := f.Add(e); err != nil {
			t.Fatal(err)
		}
	}
	if want := ledgertest.IndexRoot(events, keys...); f.Root() != want || f.Unchecked() {
		t.Errorf("the root is %s, unchecked %t, want %s", f.Root(), f.Unchecked(), want)
	}
	proof := f.Prove(keys[7])
	if leaf, found, err := proof.Check(mpt.Hash(f.Root()), keys[7]); err != nil || !found || ledger.Hash(leaf) != events[0].LeafHash() {
		t.Errorf("the index has %s under a request id used before (%t, %v)", leaf, found, err)
	}
}

// Without the content the index stays unknown, and no commitment is judged.
func TestIndexFoldWithoutContent(t *testing.T) {
	r, content := ledger.RequestsOf(requestKeys(3))
	events := successor(t, r, func([]ledger.Event) ledger.Hash { return hashOf("some index") })
	missing := func(ledger.Requests) iter.Seq2[mpt.Key, error] {
		return func(yield func(mpt.Key, error) bool) {
			yield(mpt.Key{}, fmt.Errorf("here: %w", ledger.ErrContentMissing))
		}
	}
	for name, inherited := range map[string]func(ledger.Requests) iter.Seq2[mpt.Key, error]{"no function": nil, "no content": missing} {
		f := ledger.IndexFold{Inherited: inherited}
		for _, e := range events {
			if err := f.Add(e); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		if !f.Unchecked() || f.Size() != 3 {
			t.Errorf("%s: unchecked %t after %d events", name, f.Unchecked(), f.Size())
		}
		again := events[1].Draft()
		again.Seq, again.Prev, again.JobID = 3, events[2].LeafHash(), "job_2"
		if _, corrupt := errors.AsType[*ledger.CorruptError](f.Add(seal(t, again))); !corrupt {
			t.Errorf("%s: a request id used twice is not found", name)
		}
	}
	f := ledger.IndexFold{Inherited: ledgertest.Inherits(content)}
	var err error
	for _, e := range events {
		err = errors.Join(err, f.Add(e))
	}
	if lie, ok := errors.AsType[*ledger.IndexError](err); !ok || !lie.Signed {
		t.Errorf("with the content, a false commitment: %v", err)
	}
	f = ledger.IndexFold{Inherited: ledgertest.Inherits(content[:64])}
	if err := f.Add(events[0]); !errors.Is(err, ledger.ErrUnverified) {
		t.Errorf("with another content: %v", err)
	}
}

// An event of the ledger cannot use a request id that event 0 names.
func TestIndexFoldRefusesInherited(t *testing.T) {
	r, content := ledger.RequestsOf([]mpt.Key{ledger.RequestKey("of-its-own")})
	events := successor(t, r, func([]ledger.Event) ledger.Hash { return hashOf("some index") })
	f := ledger.IndexFold{Inherited: ledgertest.Inherits(content)}
	if err := f.Add(events[0]); err != nil {
		t.Fatal(err)
	}
	if _, corrupt := errors.AsType[*ledger.CorruptError](f.Add(events[1])); !corrupt {
		t.Error("a request id of the ledger before was used again, unseen")
	}
}

func FuzzReadRequests(f *testing.F) {
	r, content := ledger.RequestsOf(requestKeys(3))
	f.Add(content, r.Count)
	f.Add(content[:64], r.Count)
	f.Fuzz(func(t *testing.T, b []byte, count int64) {
		if count < 1 || count > 1<<20 {
			return
		}
		keys, err := collect(ledger.ReadRequests(bytes.NewReader(b), ledger.Requests{Count: count, Digest: r.Digest}))
		if err != nil {
			return
		}
		if _, again := ledger.RequestsOf(keys); !bytes.Equal(again, b) {
			t.Fatalf("%d bytes read as %d keys, which are written otherwise", len(b), len(keys))
		}
	})
}

// What stands before damage counts, and what stands after it does not. Only damage is
// passed over.
func TestUsedBy(t *testing.T) {
	event := seal(t, fullEvent())
	unread := errors.New("the disk is gone")
	events := func(list ...any) ledger.Events {
		return func(yield func(ledger.Event, error) bool) {
			for _, one := range list {
				e, _ := one.(ledger.Event)
				err, _ := one.(error)
				if !yield(e, err) {
					return
				}
			}
		}
	}
	for _, tt := range []struct {
		name  string
		all   ledger.Events
		id    string
		found bool
		err   error
	}{
		{"used", events(ledger.Event{}, event), "req-1", true, nil},
		{"another id", events(event), "req-2", false, nil},
		{"before damage", events(event, &ledger.CorruptError{Seq: 8}), "req-1", true, nil},
		{"after damage", events(&ledger.CorruptError{Seq: 0}, event), "req-1", false, nil},
		{"unread", events(unread, event), "req-1", false, unread},
	} {
		e, found, err := ledger.UsedBy(tt.all, tt.id)
		if found != tt.found || !errors.Is(err, tt.err) || found && e.LeafHash() != event.LeafHash() {
			t.Errorf("%s: UsedBy = %v, %t, %v", tt.name, e.Seq(), found, err)
		}
	}
}
