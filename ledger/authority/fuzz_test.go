package authority_test

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gait/ledger"
	"gait/ledger/authority"
	at "gait/ledger/authoritytest"
)

// FuzzParseCommand checks that what ParseCommand takes is what Encode writes, and that it
// takes nothing in two spellings.
func FuzzParseCommand(f *testing.F) {
	f.Add([]byte(pauseText))
	c := newJob(f)
	for _, p := range everything() {
		f.Add(c.Seal(c.signed(f, p)).Command())
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		command, err := authority.ParseCommand(text)
		if err != nil {
			if !errors.Is(err, ledger.ErrMalformed) && !errors.Is(err, ledger.ErrUnsupportedVersion) {
				t.Fatalf("ParseCommand fails with %v", err)
			}
			return
		}
		again, err := command.Encode()
		if err != nil || !bytes.Equal(again, text) || len(text) > ledger.MaxCommand {
			t.Fatalf("ParseCommand takes %q, which Encode writes as %q, %v", text, again, err)
		}
		if _, err := command.RequestDigest(); err != nil {
			t.Fatalf("RequestDigest of %q = %v", text, err)
		}
		command.CheckTime(at.Start) //nolint:errcheck // it must not panic
	})
}

// signedEvents returns an admissible event of each type with a signed command, and the state
// before it.
func signedEvents(t testing.TB) ([]ledger.Event, *authority.State) {
	c := newJob(t)
	var events []ledger.Event
	for _, p := range everything() {
		events = append(events, c.Seal(c.signed(t, p)))
	}
	return events, now(t, c.Ledger)
}

// wantBound fails if an event that was made from another by changing its bytes passes,
// although it says something else of what its command fixes.
func wantBound(t *testing.T, s *authority.State, honest ledger.Event, changed []byte) {
	t.Helper()
	e, err := ledger.Interpret(changed)
	if err != nil {
		return
	}
	if _, err := s.Check(e); err != nil {
		return
	}
	if err := authority.VerifySignatures(e); err != nil {
		return
	}
	if diff := cmp.Diff(fixed(t, honest), fixed(t, e)); diff != "" {
		t.Errorf("an event of type %s passes that says something else than was signed:\n%s\n%s", e.Type(), changed, diff)
	}
}

// fixed returns what the command of an event fixes.
func fixed(t *testing.T, e ledger.Event) map[string]string {
	t.Helper()
	values := map[string]string{
		"actor": e.Actor(), "job_id": e.JobID(), "origin": e.Origin(), "request_id": e.RequestID(), "request_digest": e.RequestDigest().String(),
		"command": string(e.Command()), "authority": e.Authority().String(), "type": string(e.Type()),
	}
	if keys, err := authority.KeysOf(e); err != nil {
		t.Fatal(err)
	} else if len(keys) > 0 {
		values["key"] = keys[0].String()
	}
	kinds := authority.RefusedFields()
	if i := slices.IndexFunc(authority.Bindings(), func(b authority.Binding) bool { return b.Event == e.Type() }); i >= 0 {
		kinds = authority.Bindings()[i].Fields
	}
	for name, value := range fieldsOf(t, e) {
		if kind := kinds[name].Kind; kind == authority.Copied || kind == authority.CopiedIfPresent {
			values["payload."+name] = value
		}
	}
	return values
}

// TestEveryByteIsBound changes every byte of signed events.
func TestEveryByteIsBound(t *testing.T) {
	events, s := signedEvents(t)
	for _, e := range events {
		changed := slices.Clone(e.Bytes())
		for i, b := range changed {
			for _, flip := range []byte{1, 0x20} {
				changed[i] = b ^ flip
				wantBound(t, s, e, changed)
			}
			changed[i] = b
		}
	}
}

// FuzzSignedEvent changes some bytes of signed events: it replaces a part with a text.
func FuzzSignedEvent(f *testing.F) {
	events, s := signedEvents(f)
	for n, e := range events {
		f.Add(n, bytes.Index(e.Bytes(), []byte(`"payload"`)), 5, []byte("other"))
		f.Add(n, bytes.Index(e.Bytes(), []byte(`"command"`)), 1, []byte("x"))
	}
	f.Fuzz(func(t *testing.T, n, from, length int, text []byte) {
		if n < 0 || n >= len(events) {
			return
		}
		raw := events[n].Bytes()
		if from < 0 || from > len(raw) || length < 0 || length > len(raw)-from {
			return
		}
		wantBound(t, s, events[n], slices.Concat(raw[:from], text, raw[from+length:]))
	})
}
