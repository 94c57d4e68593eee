package authority_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gait/ledger"
	"gait/ledger/authority"
)

var testTime = time.Date(2026, 11, 22, 20, 32, 58, 58e6, time.UTC)

const testOrigin = "gait.example/log1"

// pauseText is the text of a command, as an actor signs it.
const pauseText = `{"actor":"olga","arguments":{"hold":true},"created_at":"2026-11-22T20:32:58.058Z",` +
	`"expires_at":"2026-11-22T20:42:58.058Z","if_revision":4,"job_id":"job_1","origin":"gait.example/log1",` +
	`"reason":"look","request_id":"r-1","schema_id":"gait.command","schema_version":"1.0.0","verb":"pause"}`

func TestParseCommand(t *testing.T) {
	revision := int64(4)
	want := authority.Command{
		Actor: "olga", Arguments: []byte(`{"hold":true}`), CreatedAt: testTime, ExpiresAt: testTime.Add(10 * time.Minute),
		IfRevision: &revision, JobID: "job_1", Origin: testOrigin, Reason: "look", RequestID: "r-1", Verb: "pause",
	}
	got, err := authority.ParseCommand([]byte(pauseText))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("ParseCommand (-want +got):\n%s", diff)
	}
	if text, err := want.Encode(); err != nil || string(text) != pauseText {
		t.Errorf("Encode = %s, %v; want %s", text, err, pauseText)
	}
}

// A command with a lease is of version 1.1.0, and has the request digest that it has without.
func TestCommandWithLease(t *testing.T) {
	text := strings.Replace(pauseText, `"origin"`, `"lease":3,"origin"`, 1)
	if _, err := authority.ParseCommand([]byte(text)); !errors.Is(err, ledger.ErrMalformed) {
		t.Errorf("ParseCommand of a lease in version 1.0.0 = %v, want ErrMalformed", err)
	}
	if _, err := authority.ParseCommand([]byte(strings.Replace(pauseText, "1.0.0", "1.1.0", 1))); !errors.Is(err, ledger.ErrMalformed) {
		t.Errorf("ParseCommand of version 1.1.0 without a lease = %v, want ErrMalformed", err)
	}
	text = strings.Replace(text, "1.0.0", "1.1.0", 1)
	c, err := authority.ParseCommand([]byte(text))
	if err != nil || c.Lease != 3 {
		t.Fatalf("ParseCommand = lease %d, %v, want 3", c.Lease, err)
	}
	if again, err := c.Encode(); err != nil || string(again) != text {
		t.Errorf("Encode = %s, %v; want %s", again, err, text)
	}
	digest, err := c.RequestDigest()
	c.Lease = 4
	if other, otherErr := c.RequestDigest(); err != nil || otherErr != nil || other != digest {
		t.Errorf("under another lease the request digest is %s, %v, want %s", other, otherErr, digest)
	}
	for _, wrong := range []string{"0", "-1", "1.5", "1e0", `"3"`, "null", "9007199254740992"} {
		if _, err := authority.ParseCommand([]byte(strings.Replace(text, `"lease":3`, `"lease":`+wrong, 1))); !errors.Is(err, ledger.ErrMalformed) {
			t.Errorf("ParseCommand of lease %s = %v, want ErrMalformed", wrong, err)
		}
	}
	for _, c := range []authority.Command{
		{Verb: "pause", JobID: "job_1", Lease: -1},
		{Verb: "pause", JobID: "job_1", Lease: 1 << 53},
		{Verb: "submit", JobID: "job_1", Lease: 1},
		{Verb: "rotate", Lease: 1},
	} {
		c.Actor, c.Origin, c.RequestID, c.CreatedAt, c.ExpiresAt = "olga", testOrigin, "r-1", testTime, testTime
		if text, err := c.Encode(); !errors.Is(err, ledger.ErrMalformed) {
			t.Errorf("Encode of %s under lease %d = %s, %v, want ErrMalformed", c.Verb, c.Lease, text, err)
		}
	}
}

func TestParseCommandRefuses(t *testing.T) {
	replace := func(old, with string) string { return strings.Replace(pauseText, old, with, 1) }
	for _, tt := range []struct{ name, text string }{
		{"nothing", ""},
		{"no object", "[]"},
		{"null", "null"},
		{"a space", replace(`,"arg`, `, "arg`)},
		{"a line feed after it", pauseText + "\n"},
		{"a second value", pauseText + "{}"},
		{"an unknown member", replace(`"job_id"`, `"its_id":"x","job_id"`)},
		{"another order", replace(`"reason":"look","request_id":"r-1"`, `"request_id":"r-1","reason":"look"`)},
		{"a member twice", replace(`"verb"`, `"verb":"pause","verb"`)},
		{"another case", replace(`"verb"`, `"Verb"`)},
		{"another schema", replace("gait.command", "gait.commands")},
		{"no actor", replace(`"actor":"olga",`, "")},
		{"gait as actor", replace("olga", "gait")},
		{"an encoded actor", replace("olga", "ol%67a")},
		{"no arguments", replace(`"arguments":{"hold":true},`, "")},
		{"a list of arguments", replace(`{"hold":true}`, "[]")},
		{"null arguments", replace(`{"hold":true}`, "null")},
		{"arguments in another spelling", replace(`{"hold":true}`, `{"hold": true}`)},
		{"an argument twice", replace(`{"hold":true}`, `{"hold":true,"hold":true}`)},
		{"an argument of another verb", replace(`"hold"`, `"holds"`)},
		{"a fraction", replace(`"hold":true`, `"hold":1.5`)},
		{"a revision below 0", replace(`"if_revision":4`, `"if_revision":-4`)},
		{"a null revision", replace(`"if_revision":4`, `"if_revision":null`)},
		{"a time without milliseconds", replace("58.058Z", "58Z")},
		{"a time in another zone", replace("58.058Z", "58.058+00:00")},
		{"no request id", replace(`"request_id":"r-1",`, "")},
		{"an empty reason", replace(`"look"`, `""`)},
		{"a control character", replace(`"look"`, `"\u001b"`)},
		{"no job", replace(`"job_id":"job_1",`, "")},
		{"an unknown verb", replace(`"pause"`, `"pauses"`)},
		{"a verb that is never signed", replace(`"pause"`, `"commit-index"`)},
		{"too long", replace("look", strings.Repeat("x", ledger.MaxCommand))},
	} {
		if _, err := authority.ParseCommand([]byte(tt.text)); !errors.Is(err, ledger.ErrMalformed) {
			t.Errorf("%s: ParseCommand = %v, want ErrMalformed", tt.name, err)
		}
	}
	newer := replace(`"1.0.0"`, `"1.2.0"`)
	if _, err := authority.ParseCommand([]byte(newer)); !errors.Is(err, ledger.ErrUnsupportedVersion) {
		t.Errorf("ParseCommand of a newer version = %v, want ErrUnsupportedVersion", err)
	}
}

// TestArgumentsOfMembers checks that of an object whose members are fields of their own a
// command takes these members, and none by its path.
func TestArgumentsOfMembers(t *testing.T) {
	for arguments, ok := range map[string]bool{
		`{"facts":{"environment_fingerprint":"e","not_done_exit":1},"tool":"pay"}`: true,
		`{"facts":{"not_done_exit":1},"tool":"pay"}`:                               true,
		`{"tool":"pay"}`: true,
		`{"intent":{"digest":"d","size":1},"policy":"p","tool":"pay"}`: true,
		`{"facts":{},"tool":"pay"}`:                                    false,
		`{"facts":{"shown":{"a":"1"}},"tool":"pay"}`:                   false,
		`{"facts":{"job":"job_1","not_done_exit":1},"tool":"pay"}`:     false,
		`{"facts":"none","tool":"pay"}`:                                false,
		`{"facts":[],"tool":"pay"}`:                                    false,
		`{"facts.not_done_exit":1,"tool":"pay"}`:                       false,
		`{"intent.digest":"d","tool":"pay"}`:                           false,
		`{"verdict":"allow"}`:                                          false,
	} {
		c := authority.Command{
			Actor: "wim", Arguments: []byte(arguments), CreatedAt: testTime, ExpiresAt: testTime.Add(time.Minute), JobID: "job_1", Origin: testOrigin, RequestID: "r-1", Verb: "gate eval",
		}
		if _, err := c.Encode(); (err == nil) != ok || err != nil && !errors.Is(err, ledger.ErrMalformed) {
			t.Errorf("Encode of a command with the arguments %s = %v, want it taken: %t", arguments, err, ok)
		}
	}
}

// TestPolicyIsNotDigested checks that a worker may name its policy, or not, in a retry.
func TestPolicyIsNotDigested(t *testing.T) {
	digest := func(arguments string) ledger.Hash {
		h, err := authority.Command{Actor: "wim", Arguments: []byte(arguments), JobID: "job_1", Verb: "gate eval"}.RequestDigest()
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	plain := digest(`{"call_id":"c1","tool":"pay"}`)
	if named := digest(`{"call_id":"c1","policy":"p","tool":"pay"}`); named != plain {
		t.Errorf("with a policy the request digest is %s, want %s", named, plain)
	}
	if other := digest(`{"call_id":"c2","tool":"pay"}`); other == plain {
		t.Error("another call has the same request digest")
	}
}

func TestCheckTime(t *testing.T) {
	const day = 24 * time.Hour
	for _, tt := range []struct {
		name              string
		created, lifetime time.Duration // after the reading
		ok                bool
	}{
		{"made now", 0, 10 * time.Minute, true},
		{"made 5 minutes later", 5 * time.Minute, time.Minute, true},
		{"made more than 5 minutes later", 5*time.Minute + time.Millisecond, time.Minute, false},
		{"expires now", -time.Minute, time.Minute, true},
		{"expired", -time.Minute, time.Minute - time.Millisecond, false},
		{"lives 30 days", 0, 30 * day, true},
		{"lives longer", 0, 30*day + time.Millisecond, false},
		{"old, with a long life", -29 * day, 30 * day, true},
		{"expires before it was made", time.Minute, -time.Second, false},
	} {
		c := authority.Command{CreatedAt: testTime.Add(tt.created), ExpiresAt: testTime.Add(tt.created + tt.lifetime)}
		err := c.CheckTime(testTime)
		no, denied := errors.AsType[*authority.Denial](err)
		if (err == nil) != tt.ok || denied && no.Code != authority.CommandExpired {
			t.Errorf("%s: CheckTime = %v, want ok %t", tt.name, err, tt.ok)
		}
	}
}
