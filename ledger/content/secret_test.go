package content_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"gait/ledger"
	"gait/ledger/content"
	"gait/ledger/ledgertest"
)

func secretPath(s *content.Store, job string) string {
	return filepath.Join(s.Dir(), "jobs", content.OwnerOf(job).String(), "secret")
}

// An event that names content by its digest alone has the content key of its job: the secret
// is durable with it, in another process too, and stays as long as the event does.
func TestSecretOfADigestIsKept(t *testing.T) {
	s := open(t)
	intent := putWaiting(t, s.Job("job_1"), "pay 100")
	key, err := s.ContentKey("job_1")
	ledgertest.Must(t, err)
	blocked := ledger.DispatchBlocked{Tool: "pay", Intent: intent.Digest, ReasonCode: "emergency_stopped", ContentKey: key}
	e := jobEvent(t, "job_1", blocked)
	ledgertest.Must(t, s.Sync(t.Context(), []ledger.Event{e}))
	ledgertest.Must(t, s.Drop())
	next := content.Open(s.Dir())
	if is, err := next.ContentKey("job_1"); err != nil || is != key {
		t.Fatalf("the next process finds the content key %s, %v, want %s", is, err, key)
	}
	if again := putWaiting(t, next.Job("job_1"), "pay 100"); again.Digest != intent.Digest {
		t.Errorf("the same intent has the digest %s, and had %s", again.Digest, intent.Digest)
	}
	ledgertest.Must(t, errors.Join(next.Drop(), next.Sync(t.Context(), []ledger.Event{e})))
	age(t, next, content.DefaultAge)
	if gone := collect(t, next, 0, e); gone != nil {
		t.Errorf("Collect removes %v, which an event needs", gone)
	}
	ledgertest.Must(t, os.Remove(secretPath(s, "job_1")))
	if err := content.Open(s.Dir()).Sync(t.Context(), []ledger.Event{e}); !errors.Is(err, ledger.ErrContentSecret) {
		t.Errorf("Sync without the secret = %v, want ErrContentSecret", err)
	}
}

// A job whose content key is known needs the secret with that key, and an event that names its
// content needs any.
func TestSecretIsCompared(t *testing.T) {
	s := open(t)
	j := s.Job("job_1")
	if err := j.CheckKey(ledger.Hash{}); err != nil {
		t.Errorf("CheckKey of a job that has no content = %v", err)
	}
	subject := putWaiting(t, j, "pay 100")
	e := naming(t, "job_1", subject)
	ledgertest.Must(t, s.Sync(t.Context(), []ledger.Event{e}))
	key, err := s.ContentKey("job_1")
	ledgertest.Must(t, errors.Join(err, j.CheckKey(key), j.CheckKey(ledger.Hash{})))
	if err := j.CheckKey(ledger.Hash{1}); !errors.Is(err, ledger.ErrContentSecret) {
		t.Errorf("CheckKey of another key = %v, want ErrContentSecret", err)
	}
	ledgertest.Must(t, os.Remove(secretPath(s, "job_1")))
	next := content.Open(s.Dir())
	for name, err := range map[string]error{"CheckKey": next.Job("job_1").CheckKey(key), "Check": next.Check(e), "Sync": next.Sync(t.Context(), []ledger.Event{e})} {
		if !errors.Is(err, ledger.ErrContentSecret) {
			t.Errorf("%s without the secret = %v, want ErrContentSecret", name, err)
		}
	}
}
