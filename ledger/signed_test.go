package ledger_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gait/ledger"
)

// signedEvent returns the draft of an event that follows from a signed command, in a
// ledger with authority.
func signedEvent() ledger.Draft {
	d := eventOf(ledger.Paused{Reason: "tea"})
	d.Authority = hashOf("authority")
	d.RequestID, d.RequestDigest = "req-1", hashOf("request")
	d.Command = []byte(`{"actor":"worker_1","verb":"pause"}`)
	d.CommandSigs = []ledger.CommandSig{{Sig: []byte("SSHSIG one")}}
	return d
}

// signedByTwo returns the draft of an authority event that two admins signed.
func signedByTwo() ledger.Draft {
	d := eventOf(ledger.ActorRevoked{Actor: "ann", Reason: "left"})
	d.Authority = hashOf("authority")
	d.RequestID, d.RequestDigest = "req-1", hashOf("request")
	d.Command, d.CommandSigs = []byte("c"), ledger.SortedSigs([][]byte{[]byte("two"), []byte("one"), []byte("two")})
	return d
}

func TestSignedEventBytes(t *testing.T) {
	e := seal(t, signedEvent())
	want := `{"actor":"worker_1","authority":"` + hashOf("authority").String() + `","command":"{\"actor\":\"worker_1\",\"verb\":\"pause\"}","command_sigs":[{"sig":"U1NIU0lHIG9uZQ=="}],` +
		`"created_at":"2026-11-22T20:32:58.058Z","event_id":"` + testULID + `","job_id":"job_1","job_prev":"` + hashOf("job_prev").String() + `","job_seq":3,` +
		`"origin":"gait.example/log1","payload":{"reason":"tea"},"prev":"` + hashOf("prev").String() + `","request_digest":"` + hashOf("request").String() +
		`","request_id":"req-1","revision":2,"schema_id":"gait.ledger.event","schema_version":"1.4.0","seq":7,"type":"paused"}`
	if diff := cmp.Diff(want, string(e.Bytes())); diff != "" {
		t.Errorf("bytes of a signed event (-want +got):\n%s", diff)
	}
	for _, d := range []ledger.Draft{signedEvent(), signedByTwo()} {
		e := seal(t, d)
		again, err := ledger.Interpret(e.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(e, again, sealed); diff != "" || !cmp.Equal(again.Draft(), d) {
			t.Errorf("decoding changed the event (-sealed +decoded):\n%s", diff)
		}
		wantCanonical(t, e.Bytes())
	}
}

// The form of a command is that of the event's version: in an older one it is base64 and
// has no meaning, in 1.4.0 it is text and its signatures have no key ids.
func TestOldCommandHasNoMeaning(t *testing.T) {
	e := seal(t, fullEvent())
	if _, err := ledger.Decode(e.Bytes()); err != nil {
		t.Errorf("Decode of a command in the old form: %v", err)
	}
	if _, err := ledger.Interpret(e.Bytes()); !errors.Is(err, ledger.ErrUnsupportedVersion) {
		t.Errorf("Interpret of a command in the old form = %v, want ErrUnsupportedVersion", err)
	}
	for _, tt := range []struct {
		name  string
		event ledger.Draft
		from  string
		to    string
	}{
		{"an old command as a new one", fullEvent(), "1.0.0", "1.4.0"},
		{"an old command as one of 1.3.0", fullEvent(), "1.0.0", "1.3.0"},
		{"a new command as one of 1.3.0", signedEvent(), "1.4.0", "1.3.0"},
		{"a new command as one of 1.0.0", signedEvent(), "1.4.0", "1.0.0"},
	} {
		raw := string(seal(t, tt.event).Bytes())
		if _, err := ledger.Decode([]byte(edit(t, raw, `"schema_version":"`+tt.from, `"schema_version":"`+tt.to))); !errors.Is(err, ledger.ErrMalformed) {
			t.Errorf("Decode of %s = %v, want ErrMalformed", tt.name, err)
		}
	}
}

// signedSpellings are edits of a signed event's bytes, each of which makes it malformed.
var signedSpellings = []struct{ name, old, new, field string }{
	{"no signatures", `"command_sigs":[{"sig":"U1NIU0lHIG9uZQ=="}],`, ``, "command_sigs"},
	{"empty signatures", `[{"sig":"U1NIU0lHIG9uZQ=="}]`, `[]`, "command_sigs"},
	{"empty signature", `U1NIU0lHIG9uZQ==`, ``, "sig"},
	{"no signature in an element", `{"sig":"U1NIU0lHIG9uZQ=="}`, `{}`, "sig"},
	{"key id", `{"sig"`, `{"key_id":"` + hashOf("key").String() + `","sig"`, "sig"},
	{"base64 without padding", `U1NIU0lHIG9uZQ==`, `U1NIU0lHIG9uZQ`, "sig"},
	{"base64 with stray bits", `U1NIU0lHIG9uZQ==`, `U1NIU0lHIG9uZR==`, "sig"},
	{"base64 of the URL alphabet", `U1NIU0lHIG9uZQ==`, `U1NIU0lHIG9u_Q==`, "sig"},
	{"base64 with a line break", `U1NIU0lHIG9uZQ==`, "U1NI\nU0lHIG9uZQ==", "sig"},
	{"one signature twice", `[{"sig":"U1NIU0lHIG9uZQ=="}]`, `[{"sig":"U1NIU0lHIG9uZQ=="},{"sig":"U1NIU0lHIG9uZQ=="}]`, "command_sigs"},
	{"two signatures of a job's event", `[{"sig":"U1NIU0lHIG9uZQ=="}]`, `[{"sig":"U1NIU0lHIG9uZQ=="},{"sig":"V1NIU0lHIG9uZQ=="}]`, "command_sigs"},
	{"no command", `"command":"{\"actor\":\"worker_1\",\"verb\":\"pause\"}",`, ``, "command_sigs"},
	{"empty command", `{\"actor\":\"worker_1\",\"verb\":\"pause\"}`, ``, "command"},
	{"control character in the command", `{\"actor\":`, "\x01", "command"},
	{"bidi override in the command", `{\"actor\":`, "\u202e", "command"},
	{"command with an escape as \\u", `{\"actor\":`, `{\u0022actor\":`, "command"},
	{"no request id", `"request_digest":"` + hashOf("request").String() + `","request_id":"req-1",`, ``, "request_id"},
	{"short authority", hashOf("authority").String(), hashOf("authority").String()[1:], "authority"},
	{"zero authority", hashOf("authority").String(), strings.Repeat("0", 64), "authority"},
	{"authority after clock", `"authority":"` + hashOf("authority").String() + `",`, `"clock":"2026-11-22T20:32:57.058Z","authority":"` + hashOf("authority").String() + `",`, "created_at"},
}

func TestDecodeRefusesOtherSpellingsOfSignedEvents(t *testing.T) {
	raw := string(seal(t, signedEvent()).Bytes())
	for _, tt := range signedSpellings {
		t.Run(tt.name, func(t *testing.T) {
			_, err := ledger.Decode([]byte(edit(t, raw, tt.old, tt.new)))
			wantField(t, err, tt.field)
		})
	}
	two := string(seal(t, signedByTwo()).Bytes())
	_, err := ledger.Decode([]byte(edit(t, two, `{"sig":"b25l"},{"sig":"dHdv"}`, `{"sig":"dHdv"},{"sig":"b25l"}`)))
	wantField(t, err, "command_sigs")
}

// Each proper prefix of a signed event is malformed. So is the event with one bit flipped,
// unless the result is a different valid event.
func TestDecodeDamageOfSignedEvents(t *testing.T) {
	raw := seal(t, signedEvent()).Bytes()
	for n := range raw {
		if _, err := ledger.Decode(raw[:n]); !errors.Is(err, ledger.ErrMalformed) {
			t.Errorf("Decode of the first %d bytes = %v, want ErrMalformed", n, err)
		}
	}
	for i := range len(raw) * 8 {
		b := bytes.Clone(raw)
		b[i/8] ^= 1 << (i % 8)
		e, err := ledger.Decode(b)
		if err == nil && (!bytes.Equal(seal(t, e.Draft()).Bytes(), b) || e.LeafHash() == ledger.LeafHash(raw)) {
			t.Errorf("bit %d flipped: decoded %s as %s", i, b, seal(t, e.Draft()).Bytes())
		}
		if err != nil && !errors.Is(err, ledger.ErrMalformed) && !errors.Is(err, ledger.ErrUnsupportedVersion) {
			t.Errorf("bit %d flipped: %v, want ErrMalformed or ErrUnsupportedVersion", i, err)
		}
	}
}

func decided(change func(*ledger.CheckpointAdded)) ledger.Draft {
	return checkpointed(func(p *ledger.CheckpointAdded) {
		p.CheckpointType, p.RequiredAction = ledger.CheckpointDecisionNeeded, "ask"
		change(p)
	})
}

func enrolled(change func(*ledger.ActorEnrolled)) ledger.Draft {
	p := ledger.ActorEnrolled{Actor: "ann", Keys: []string{actorKey("ssh-ed25519", "k")}, Roles: []ledger.Role{ledger.RoleAdmin}}
	change(&p)
	return eventOf(p)
}

func changed(d ledger.Draft, change func(*ledger.Draft)) ledger.Draft {
	change(&d)
	return d
}

// Seal checks what Decode checks, in what version 1.4.0 added.
func TestSealRefusesOfAuthority(t *testing.T) {
	key, two := actorKey("ssh-ed25519", "k"), []ledger.Hash{hashOf("a"), hashOf("b")}
	if bytes.Compare(two[0][:], two[1][:]) < 0 {
		two[0], two[1] = two[1], two[0]
	}
	for _, tt := range []struct {
		name  string
		event ledger.Draft
		field string
	}{
		{"command without signatures", changed(signedEvent(), func(d *ledger.Draft) { d.CommandSigs = nil }), "command_sigs"},
		{"signatures without a command", changed(signedEvent(), func(d *ledger.Draft) { d.Command = nil }), "command_sigs"},
		{"command without a request id", changed(signedEvent(), func(d *ledger.Draft) { d.RequestID, d.RequestDigest = "", ledger.Hash{} }), "request_id"},
		{"command that is no text", changed(signedEvent(), func(d *ledger.Draft) { d.Command = []byte("\xff") }), "command"},
		{"command of two lines", changed(signedEvent(), func(d *ledger.Draft) { d.Command = []byte("a\nb") }), "command"},
		{"empty signature", changed(signedEvent(), func(d *ledger.Draft) { d.CommandSigs = []ledger.CommandSig{{}} }), "sig"},
		{"old signatures with authority", changed(fullEvent(), func(d *ledger.Draft) { d.Authority = hashOf("a") }), "key_id"},
		{"old command with authority", changed(fullEvent(), func(d *ledger.Draft) { d.Authority, d.CommandSigs = hashOf("a"), nil }), "command_sigs"},
		{"second signature with a key id", changed(signedByTwo(), func(d *ledger.Draft) { d.CommandSigs[1].KeyID = hashOf("key") }), "key_id"},
		{"first signature with a key id", changed(signedByTwo(), func(d *ledger.Draft) { d.CommandSigs[0].KeyID = hashOf("key") }), "sig"},
		{"signatures out of order", changed(signedByTwo(), func(d *ledger.Draft) { d.CommandSigs[0], d.CommandSigs[1] = d.CommandSigs[1], d.CommandSigs[0] }), "command_sigs"},
		{"one signature twice", changed(signedByTwo(), func(d *ledger.Draft) { d.CommandSigs[1] = d.CommandSigs[0] }), "command_sigs"},
		{"two signatures of a job's event", changed(signedEvent(), func(d *ledger.Draft) { d.CommandSigs = signedByTwo().CommandSigs }), "command_sigs"},

		{"gait enrolled", enrolled(func(p *ledger.ActorEnrolled) { p.Actor = "gait" }), "actor"},
		{"Gait enrolled", enrolled(func(p *ledger.ActorEnrolled) { p.Actor = "GaiT" }), "actor"},
		{"role enrolled", enrolled(func(p *ledger.ActorEnrolled) { p.Actor = "role:admin" }), "actor"},
		{"Role enrolled", enrolled(func(p *ledger.ActorEnrolled) { p.Actor = "Role:admin" }), "actor"},
		{"percent-encoded name enrolled", enrolled(func(p *ledger.ActorEnrolled) { p.Actor = "caf%C3%A9" }), "actor"},
		{"name in another script enrolled", enrolled(func(p *ledger.ActorEnrolled) { p.Actor = "аnn" }), "actor"},
		{"no keys", enrolled(func(p *ledger.ActorEnrolled) { p.Keys = nil }), "keys"},
		{"no roles", enrolled(func(p *ledger.ActorEnrolled) { p.Roles = nil }), "roles"},
		{"one key twice", enrolled(func(p *ledger.ActorEnrolled) { p.Keys = []string{key, key} }), "keys"},
		{"roles out of order", enrolled(func(p *ledger.ActorEnrolled) { p.Roles = []ledger.Role{ledger.RoleWorker, ledger.RoleAdmin} }), "roles"},
		{"another role", enrolled(func(p *ledger.ActorEnrolled) { p.Roles = []ledger.Role{"root"} }), "roles"},
		{"another bootstrap", enrolled(func(p *ledger.ActorEnrolled) { p.Bootstrap = "magic" }), "bootstrap"},
		{"key with a comment", enrolled(func(p *ledger.ActorEnrolled) { p.Keys = []string{key + " ann@example"} }), "keys"},
		{"key with a line break", enrolled(func(p *ledger.ActorEnrolled) { p.Keys = []string{key[:20] + "\n" + key[20:]} }), "keys"},
		{"key of two types", enrolled(func(p *ledger.ActorEnrolled) { p.Keys = []string{"ecdsa-sha2-nistp256" + key[len("ssh-ed25519"):]} }), "keys"},
		{"RSA key", enrolled(func(p *ledger.ActorEnrolled) { p.Keys = []string{actorKey("ssh-rsa", "k")} }), "keys"},
		{"certificate", enrolled(func(p *ledger.ActorEnrolled) { p.Keys = []string{actorKey("ssh-ed25519-cert-v01@openssh.com", "k")} }), "keys"},
		{"revoked without a reason", eventOf(ledger.ActorRevoked{Actor: "ann"}), "reason"},
		{"no admins", eventOf(ledger.AuthoritySet{Mode: ledger.ModeAll}), "admins"},
		{"nine admins", eventOf(ledger.AuthoritySet{Admins: 9, Mode: ledger.ModeAll}), "admins"},
		{"another mode", eventOf(ledger.AuthoritySet{Admins: 1, Mode: "strict"}), "mode"},
		{"policies out of order", eventOf(ledger.AuthoritySet{Admins: 1, Mode: ledger.ModeAll, Policies: two}), "policies"},
		{"one policy twice", eventOf(ledger.AuthoritySet{Admins: 1, Mode: ledger.ModeAll, Policies: []ledger.Hash{two[0], two[0]}}), "policies"},

		{"quorum of one", decided(func(p *ledger.CheckpointAdded) { p.Quorum = 1 }), "quorum"},
		{"quorum of seventeen", decided(func(p *ledger.CheckpointAdded) { p.Quorum = 17 }), "quorum"},
		{"approvers out of order", decided(func(p *ledger.CheckpointAdded) { p.Approvers = []string{"b", "a"} }), "approvers"},
		{"approvers of another role", decided(func(p *ledger.CheckpointAdded) { p.Approvers = []string{"role:root"} }), "approvers"},
		{"gait as approver", decided(func(p *ledger.CheckpointAdded) { p.Approvers = []string{"gait"} }), "approvers"},
		{"replaces another name", decided(func(p *ledger.CheckpointAdded) { p.Replaces = "hold" }), "replaces"},
		{"expires in a zone", decided(func(p *ledger.CheckpointAdded) { p.ExpiresAt = testTime.In(time.FixedZone("", 3600)) }), "expires_at"},
		{"subject without a digest", decided(func(p *ledger.CheckpointAdded) { p.Subject.Name = "plan" }), "digest"},
		{"quorum of a plan", checkpointed(func(p *ledger.CheckpointAdded) { p.Quorum = 2 }), "checkpoint_type"},
		{"subject of a plan", checkpointed(func(p *ledger.CheckpointAdded) { p.Subject.Digest = hashOf("s") }), "checkpoint_type"},
		{"approvers of a block", checkpointed(func(p *ledger.CheckpointAdded) {
			p.CheckpointType, p.Approvers = ledger.CheckpointBlocked, []string{"a"}
		}), "checkpoint_type"},
		{"content key without content", decided(func(p *ledger.CheckpointAdded) { p.ContentKey = hashOf("k") }), "content_key"},
		{"attachment without a role", checkpointed(func(p *ledger.CheckpointAdded) {
			p.Attachments = []ledger.Attachment{{Content: ledger.Content{Digest: hashOf("c")}}}
		}), "role"},
		{"attachment that is a path", checkpointed(func(p *ledger.CheckpointAdded) {
			p.Attachments = []ledger.Attachment{{Content: ledger.Content{Digest: hashOf("c"), Name: "../x"}, Role: ledger.AttachLog}}
		}), "name"},
		{"amended without a subject", eventOf(ledger.Approved{Reason: "r", Target: hashOf("t"), Amended: ledger.Content{Digest: hashOf("c")}}), "subject"},
		{"approved content key without content", eventOf(ledger.Approved{Reason: "r", Target: hashOf("t"), ContentKey: hashOf("c")}), "content_key"},
		{"erased without a digest", eventOf(ledger.ContentErased{Reason: "r"}), "digest"},
		{"erased without a reason", eventOf(ledger.ContentErased{Digest: hashOf("c")}), "reason"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ledger.Seal(tt.event)
			if err == nil {
				t.Fatalf("Seal = %s, want an error about %s", got.Bytes(), tt.field)
			}
			wantField(t, err, tt.field)
		})
	}
}

func TestRefusalExitsOfAuthority(t *testing.T) {
	for codes, want := range map[string]int64{
		"signature_required signature_invalid role_required revoked subject_changed command_expired command_used": 3,
		"decision_expired quorum_pending effects_unsettled":                                                       4,
		"invalid_transition grant_not_found a_later_unknown":                                                      6,
	} {
		for code := range strings.FieldsSeq(codes) {
			if got := ledger.RefusalExit(code); got != want {
				t.Errorf("RefusalExit(%s) = %d, want %d", code, got, want)
			}
		}
	}
}

// The largest events with signatures fit into MaxEventSize, as those without do.
func TestLargestSignedEventFits(t *testing.T) {
	quotes := func(n int) string { return strings.Repeat(`"`, n) }
	sign := func(d ledger.Draft, sigs int) ledger.Draft {
		d.Authority, d.Clock, d.Seq, d.Prev = hashOf("a"), testTime.Add(-time.Second), 1<<53-1, hashOf("p")
		d.Actor, d.Origin, d.RequestID, d.RequestDigest = strings.Repeat("x", 128), strings.Repeat("x", 128), quotes(128), hashOf("r")
		d.Command = []byte(quotes(ledger.MaxCommand))
		for i := range sigs {
			d.CommandSigs = append(d.CommandSigs, ledger.CommandSig{Sig: append([]byte{byte(i)}, make([]byte, ledger.MaxCommandSig-1)...)})
		}
		return d
	}
	content := ledger.Content{Digest: hashOf("c"), MediaType: strings.Repeat("x", 63) + "/" + strings.Repeat("x", 63), Name: quotes(255), Size: 1<<53 - 1}
	ask := decided(func(p *ledger.CheckpointAdded) {
		p.CheckpointID, p.RequiredAction, p.Summary, p.Late, p.Continues, p.ContentKey = ledger.CheckpointID(1<<53-1), quotes(512), quotes(512), true, hashOf("c"), hashOf("k")
		p.Decision = ledger.Decision{ExpiresAt: testTime, Quorum: 16, Replaces: p.CheckpointID, Subject: content}
		for i := range 16 {
			p.Attachments = append(p.Attachments, ledger.Attachment{Content: content, Role: ledger.AttachArtifact})
			p.Approvers = append(p.Approvers, fmt.Sprintf("%02d%s", i, strings.Repeat("x", 126)))
		}
	})
	enrol := enrolled(func(p *ledger.ActorEnrolled) {
		p.Actor, p.Bootstrap, p.Reason, p.Roles, p.Keys = strings.Repeat("x", 128), ledger.BootstrapTerminal, quotes(1024), ledger.Roles, nil
		for i := range 8 {
			p.Keys = append(p.Keys, actorKey("ssh-ed25519", string(rune('0'+i))+strings.Repeat("k", 191)))
		}
		slices.Sort(p.Keys)
	})
	if n := len(enrol.Payload.(ledger.ActorEnrolled).Keys[0]); n > ledger.MaxActorKey || n < ledger.MaxActorKey-4 {
		t.Fatalf("the key has %d bytes, want the most, %d", n, ledger.MaxActorKey)
	}
	resume := resumed(func(p *ledger.Resumed) {
		*p = ledger.Resumed{
			ExpectedFingerprint: quotes(256), ActualFingerprint: quotes(256), PreviousPolicyDigest: hashOf("a"), CurrentPolicyDigest: hashOf("b"),
			PreviousPolicyRef: quotes(256), CurrentPolicyRef: quotes(256), PolicyChanged: true, Identity: strings.Repeat("x", 128),
			IdentityValidationSource: quotes(128), Reason: quotes(1024),
		}
		for i := range 65 {
			p.Consumes = append(p.Consumes, ledger.Hash{byte(i + 1)})
		}
	})
	for _, d := range []ledger.Draft{sign(ask, 1), sign(resume, 1), sign(enrol, ledger.MaxCommandSigs)} {
		e := seal(t, d)
		if _, err := ledger.Decode(e.Bytes()); err != nil {
			t.Errorf("Decode of the largest %s: %v", e.Type(), err)
		}
		t.Logf("the largest %s has %d bytes", e.Type(), len(e.Bytes()))
	}
}
