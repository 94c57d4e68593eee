package packspec_test

import (
	"bytes"
	"os/exec"
	"strings"
	"testing"

	"gait/ledger"
	"gait/ledger/authoritytest"
	"gait/ledger/ledgertest"
	"gait/packspec"
	"gait/packspec/finding"
	"gait/projection"
)

// A play is a ledger with authority: root, an admin, has enrolled ann, a worker, and bob, an
// approver; ann's job_1 asked, bob approved, and the operator olga, whom no one enrolled, paused
// it. Then bob was revoked, and the index committed to.
type play struct {
	*authoritytest.Ledger
	t              testing.TB
	key            ledger.PrivateKey
	root, ann, bob authoritytest.Signer
}

func newPlay(t testing.TB) *play {
	t.Helper()
	key, err := ledger.GenerateKey(bytes.NewReader(bytes.Repeat([]byte{7}, 32)), authoritytest.Origin)
	if err != nil {
		t.Fatal(err)
	}
	p := &play{Ledger: authoritytest.New(t), t: t, key: key, root: authoritytest.Key(t, "root"), ann: authoritytest.Key(t, "ann"), bob: authoritytest.Key(t, "bob")}
	p.Begin("root", p.root)
	p.Enroll("root", p.root, "ann", p.ann, ledger.RoleOperator, ledger.RoleWorker)
	p.Enroll("root", p.root, "bob", p.bob, ledger.RoleApprover)
	return p
}

// ask submits job_1 and asks for a decision. It returns the event that asked.
func (p *play) ask() ledger.Event {
	p.Sign("ann", "job_1", ledger.Submitted{EnvironmentFingerprint: "env", ProducerVersion: "gait/test"}, p.ann)
	return p.Sign("ann", "job_1", ledger.CheckpointAdded{CheckpointID: "cp_0001", CheckpointType: ledger.CheckpointDecisionNeeded, RequiredAction: "decide", Summary: "s"}, p.ann)
}

func (p *play) approve(ask ledger.Event) ledger.Event {
	return p.Sign("bob", "job_1", ledger.Approved{CheckpointID: "cp_0001", Reason: "fine", Target: ask.LeafHash()}, p.bob)
}

func (p *play) revoke() {
	p.Sign("root", "", ledger.ActorRevoked{Actor: "bob", Reason: "left"}, p.root)
}

func (p *play) commit() {
	p.Claim(ledger.ActorGait, "", ledger.IndexCommitted{Index: ledgertest.IndexRoot(p.Events)})
}

// whole returns the play to its end.
func whole(t testing.TB) *play {
	p := newPlay(t)
	p.approve(p.ask())
	p.Claim("olga", "job_1", ledger.Paused{})
	p.revoke()
	p.commit()
	return p
}

// keyless returns a play in which bob's only key is revoked first, and then bob, who has no key
// left but his role, and who comes back with a new key.
func keyless(t testing.TB) *play {
	p := newPlay(t)
	p.approve(p.ask())
	p.Sign("root", "", ledger.ActorRevoked{Actor: "bob", Key: p.bob.Key.ID(), Reason: "lost"}, p.root)
	p.revoke()
	p.Enroll("root", p.root, "bob", authoritytest.Key(t, "bob again"), ledger.RoleApprover)
	p.commit()
	return p
}

// askedAgain returns a play in which bob denies, the job is paused, and ann asks for another
// decision in the place of the one denied, although the job is paused.
func askedAgain(t testing.TB) *play {
	p := newPlay(t)
	ask := p.ask()
	p.Sign("bob", "job_1", ledger.Denied{CheckpointID: "cp_0001", Reason: "no", Target: ask.LeafHash()}, p.bob)
	p.Claim("olga", "job_1", ledger.Paused{})
	p.Sign("ann", "job_1", ledger.CheckpointAdded{
		CheckpointID: "cp_0002", CheckpointType: ledger.CheckpointDecisionNeeded, RequiredAction: "decide", Summary: "less",
		Decision: ledger.Decision{Replaces: "cp_0001"},
	}, p.ann)
	p.commit()
	return p
}

func (p *play) log() *testLog {
	l := &testLog{Log: ledgertest.InMemory(p.t, p.Events[0], p.key), t: p.t, key: p.key}
	l.add(p.Events[1:]...)
	return l
}

func (p *play) verify(pack []byte, admins ...packspec.AdminKey) packspec.Report {
	p.t.Helper()
	r, err := packspec.Verify(bytes.NewReader(pack), int64(len(pack)), packspec.Options{
		Trusted: []packspec.TrustedKey{{Key: p.key.VerifierKey().PublicKey(), From: "test"}}, AdminKeys: admins,
	})
	if err != nil {
		p.t.Fatal(err)
	}
	return r
}

// A pack shows which events were signed, by whom, and the whole chain of authority.
func TestPackShowsActors(t *testing.T) {
	p := whole(t)
	pack := build(t, p.log(), "job_1")
	r := p.verify(pack, packspec.AdminKey{Key: p.root.Key, From: "admin.pub"})
	if !r.Verified {
		t.Fatalf("it does not verify: %v", r.Failure)
	}
	if l := r.Level(finding.LevelActors); l.Status != finding.Proved || !strings.HasPrefix(l.Detail, "3 of 4 events signed, by ann, bob; claims: 1, by olga; authority events: 4, from the first admin root (bootstrap init, key SHA256:") ||
		!strings.HasSuffix(l.Detail, ", whose key you know from admin.pub; that none was left out is proved") {
		t.Errorf("actors is %s: %s", l.Status, l.Detail)
	}
	a := r.Authority
	if a == nil || a.Events != 4 || !a.Complete || a.Bootstrap != "init" || a.FirstAdmin != "root" || a.FirstKey != p.root.String() || a.Signed != 3 || a.Claimed != 1 || a.Mode != "claims" {
		t.Errorf("the report of the authority is %+v", a)
	}
	for name, has := range map[string]string{"evidence.json": `"format":4`, "authority_events.jsonl": `"type":"actor_revoked"`, "authority.mpt-proof": "\x20"} {
		if f := file(files(t, pack), name); f == nil || !bytes.Contains(f.Data, []byte(has)) {
			t.Errorf("%s is %+v, want one with %s", name, f, has)
		}
	}
	if r := p.verify(pack, packspec.AdminKey{Key: p.bob.Key, From: "bob.pub"}); r.Verified || r.Failure.Code != finding.CodeAdminKey || r.Failure.Level != finding.LevelActors {
		t.Errorf("with another admin key it verifies: %t, %v", r.Verified, r.Failure)
	}

	q := newPlay(t)
	q.approve(q.ask())
	unproved := q.verify(build(t, q.log(), "job_1"))
	if l := unproved.Level(finding.LevelActors); !unproved.Verified || l.Status != finding.Proved || !strings.HasPrefix(l.Detail, "3 of 3 events signed, by ann, bob;") ||
		!strings.HasSuffix(l.Detail, "; that none was left out is claimed") || unproved.Authority.Complete {
		t.Errorf("without a commitment actors is %s: %s (%v)", l.Status, l.Detail, unproved.Failure)
	}
}

// A ledger without authority has no admin, whichever key the caller knows. Packs of it are
// what they were.
func TestPackWithoutAuthority(t *testing.T) {
	key := testKey(t, 1)
	pack := build(t, history(t, key), "job_1")
	if fs := files(t, pack); file(fs, "authority_events.jsonl") != nil || !bytes.Contains(file(fs, "evidence.json").Data, []byte(`"format":2`)) {
		t.Errorf("the pack has %v", names(fs))
	}
	p := &play{t: t, key: key}
	if r := p.verify(pack); !r.Verified || r.Authority != nil || r.Level(finding.LevelActors).Status != finding.Claimed {
		t.Errorf("it verifies: %t, authority %+v, %v", r.Verified, r.Authority, r.Failure)
	}
	if r := p.verify(pack, packspec.AdminKey{Key: authoritytest.Key(t, "root").Key}); r.Verified || r.Failure.Code != finding.CodeAdminKey {
		t.Errorf("with an admin key it verifies: %t, %v", r.Verified, r.Failure)
	}
	early := newPlay(t)
	early.Events = early.Events[:1]
	before := authoritytest.New(t)
	before.Claim("olga", "job_1", ledger.Submitted{EnvironmentFingerprint: "env", ProducerVersion: "gait/test"})
	early.Ledger = before
	early.commit()
	before.Begin("root", early.root)
	if fs := files(t, build(t, early.log(), "job_1")); file(fs, "authority_events.jsonl") != nil {
		t.Errorf("a pack that ends before the first authority event has %v", names(fs))
	}
}

// Range packs show the same.
func TestRangeShowsActors(t *testing.T) {
	p := whole(t)
	p.Claim("olga", "job_2", ledger.Submitted{EnvironmentFingerprint: "env", ProducerVersion: "gait/test"})
	for len(p.Events) < 270 {
		p.Claim("olga", "job_2", ledger.Refused{Command: "pause", Exit: 6, Refusal: "x"})
	}
	l := p.log()
	for _, from := range []ledger.Seq{0, 260} {
		var b packspec.Buffer
		if _, err := packspec.BuildRange(t.Context(), &b, l, from, -1, p.key, packspec.RangeOptions{}); err != nil {
			t.Fatal(err)
		}
		r := p.verify(b.Bytes(), packspec.AdminKey{Key: p.root.Key})
		if !r.Verified || r.Authority == nil || r.Authority.Events != 4 || r.Authority.Complete != (from == 0) {
			t.Errorf("a range from %d verifies: %t, %+v, %v", from, r.Verified, r.Authority, r.Failure)
		}
		if want := map[bool]finding.Status{true: finding.Proved, false: finding.Claimed}[from == 0]; r.Level(finding.LevelActors).Status != want {
			t.Errorf("actors of a range from %d is %+v, want %s", from, r.Level(finding.LevelActors), want)
		}
		fs := files(t, b.Bytes())
		lines := bytes.SplitAfter(file(fs, "authority_events.jsonl").Data, []byte("\n"))
		file(fs, "authority_events.jsonl").Data = bytes.Join(lines[:3], nil)
		if r := p.verify(resign(t, fs, p.key)); r.Verified || r.Failure.Level != finding.LevelActors || r.Failure.Code != finding.CodeAuthority {
			t.Errorf("a range from %d without the revocation verifies: %t, %v", from, r.Verified, r.Failure)
		}
	}
}

// The programs in VERIFY.md of these packs accept them, with signatures checked by
// ssh-keygen, and find forgeries of the holder of the ledger's key.
func TestVerifyMDOfActors(t *testing.T) {
	needPython(t)
	needKeygen(t)
	p := whole(t)
	vkey := p.key.VerifierKey().String()
	fs := files(t, build(t, p.log(), "job_1"))
	code := program(t, fs)
	want := "OK: job job_1, 4 events, 3 of them signed by their actors, of " + authoritytest.Origin + ", all before event 9; first admin root (init): " + p.root.String() + "\n"
	if out, err := check(t, code, fs, vkey); err != nil || out != want {
		t.Errorf("an honest pack: %v\n%swant %s", err, out, want)
	}
	q := newPlay(t)
	q.approve(q.ask())
	without := files(t, build(t, q.log(), "job_1"))
	if out, err := check(t, code, without, vkey); err != nil {
		t.Errorf("a pack without a commitment: %v\n%s", err, out)
	}
	for _, tt := range actorForgeries {
		if tt.name == "one byte of the event changed" || tt.name == "a weak key enrolled" { // only gait compares each field and key
			continue
		}
		p := newPlay(t)
		forged := p.forged(tt.make(p))
		out, err := check(t, code, forged, vkey)
		if (err == nil) != (tt.code == "") {
			t.Errorf("%s: %v\n%s", tt.name, err, out)
		}
		t.Logf("%s: %s", tt.name, out)
	}
	var b packspec.Buffer
	if _, err := packspec.BuildRange(t.Context(), &b, p.log(), 0, -1, p.key, packspec.RangeOptions{}); err != nil {
		t.Fatal(err)
	}
	ranged := files(t, b.Bytes())
	if out, err := check(t, program(t, ranged), ranged, vkey); err != nil {
		t.Errorf("a range: %v\n%s", err, out)
	}
	lines := bytes.SplitAfter(file(ranged, "authority_events.jsonl").Data, []byte("\n"))
	file(ranged, "authority_events.jsonl").Data = bytes.Join(lines[:3], nil)
	sign(t, ranged, p.key)
	if out, err := check(t, program(t, ranged), ranged, vkey); err == nil {
		t.Errorf("a range without the revocation: %s", out)
	}
}

// needKeygen skips the test if there is no ssh-keygen. CI has it.
func needKeygen(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("ssh-keygen"); err != nil {
		t.Skip("ssh-keygen is not installed")
	}
}

// What a pack shows of the authority lets its events be replayed.
func TestAuthorityOf(t *testing.T) {
	p := whole(t)
	pack := build(t, p.log(), "job_1")
	var ranged packspec.Buffer
	if _, err := packspec.BuildRange(t.Context(), &ranged, p.log(), 0, -1, p.key, packspec.RangeOptions{}); err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{"job": pack, "range": ranged.Bytes()} {
		chain, err := packspec.AuthorityOf(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			t.Fatal(err)
		}
		events, err := packspec.Events(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			t.Fatal(err)
		}
		r := projection.Replay{Authority: chain}
		for e, err := range events {
			if err == nil {
				err = r.Add(e)
			}
			if err != nil {
				t.Errorf("replaying a %s pack: %v", name, err)
			}
		}
	}
}
