package packspec_test

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"gait/ledger"
	"gait/ledger/authoritytest"
	"gait/ledger/ledgertest"
	"gait/ledger/mpt"
	"gait/packspec"
	"gait/packspec/finding"
	"gait/packspec/packtest"
)

// forged returns a pack of job_1 that the holder of the ledger's key makes of any events: all
// that the key alone signs is in order. chain are the authority events it shows.
func (p *play) forged(events []ledger.Event, chain []ledger.Event) []packtest.File {
	p.t.Helper()
	tree := ledgertest.Forge(p.t, p.key, events...)
	c, signed := tree.Checkpoint()
	f := &forger{t: p.t.(*testing.T), files: files(p.t, build(p.t, whole(p.t).log(), "job_1"))} //nolint:errcheck,forcetypeassert // tests call it
	var job []ledger.Event
	last := events[len(events)-1]
	for _, e := range events {
		if e.JobID() == "job_1" {
			job = append(job, e)
		}
	}
	index := pathsOf(p.t, events[:last.Seq()])
	f.events(job)
	if payload, state, list, err := packspec.Views(job, chain...); err == nil {
		f.set("job_payload.json", payload)
		f.set("job_state.json", state)
		f.set("job_events.jsonl", list)
	}
	for name, seq := range map[string]ledger.Seq{"ledger_created.tlog-proof": 0, "head.tlog-proof": job[len(job)-1].Seq(), "index_committed.tlog-proof": last.Seq()} {
		proof, err := tree.ProofIn(p.t.Context(), signed, seq)
		if err != nil {
			p.t.Fatal(err)
		}
		f.set(name, []byte(proof.String()))
	}
	f.set("index_committed.json", last.Bytes())
	f.set("index.mpt-proof", index(ledger.JobKey("job_1")))
	f.set("authority.mpt-proof", index(ledger.AuthorityKey))
	var lines []byte
	for _, e := range chain {
		lines = append(append(lines, e.Bytes()...), '\n')
	}
	f.set("authority_events.jsonl", lines)
	f.set("evidence.json", packspec.NewAuthorityEvidence(c))
	f.set("pack_manifest.json", canonical(f.t, packspec.NewManifest("job_1", ledger.FormatTime(job[len(job)-1].Time()), slices.DeleteFunc(slices.Clone(f.files), func(f packtest.File) bool { return f.Name == "pack_manifest.json" }), p.key)))
	return f.files
}

// pathsOf returns the paths of keys in the index over events, whether they follow each other or not.
func pathsOf(t testing.TB, events []ledger.Event) func(mpt.Key) []byte {
	t.Helper()
	var tree mpt.Tree
	for _, e := range events {
		entries := ledger.IndexEntries(e)
		slices.SortFunc(entries, func(a, b mpt.Entry) int { return bytes.Compare(a.Key[:], b.Key[:]) })
		var err error
		if tree, err = tree.Set(t.Context(), nil, entries); err != nil {
			t.Fatal(err)
		}
	}
	return func(key mpt.Key) []byte {
		proof, err := tree.Prove(t.Context(), nil, key)
		if err != nil {
			t.Fatal(err)
		}
		return proof.Encode()
	}
}

// chainOf returns the authority events among events.
func chainOf(events []ledger.Event) (chain []ledger.Event) {
	for _, e := range events {
		if e.Type().OfAuthority() {
			chain = append(chain, e)
		}
	}
	return chain
}

// actorForgeries are packs that the holder of the ledger's key makes, with what they fail
// with.
var actorForgeries = []struct {
	name string
	code string
	make func(p *play) (events, chain []ledger.Event)
}{
	{"nothing", "", func(p *play) ([]ledger.Event, []ledger.Event) {
		p.approve(p.ask())
		p.revoke()
		p.commit()
		return p.Events, chainOf(p.Events)
	}},
	{"a revocation left out", finding.CodeAuthority, func(p *play) ([]ledger.Event, []ledger.Event) {
		p.approve(p.ask())
		p.revoke()
		p.commit()
		return p.Events, chainOf(p.Events)[:3]
	}},
	{"a revocation left out that the commitment does not name", finding.CodeIncomplete, func(p *play) ([]ledger.Event, []ledger.Event) {
		p.approve(p.ask())
		p.revoke()
		chain := chainOf(p.Events)[:3]
		p.Add(authoritytest.Plan{Actor: "gait", Payload: ledger.IndexCommitted{Index: ledgertest.IndexRoot(p.Events)}, EditDraft: func(d *ledger.Draft) { d.Authority = chain[2].LeafHash() }})
		return p.Events, chain
	}},
	{"an approval under the authority before the revocation", finding.CodeAuthority, func(p *play) ([]ledger.Event, []ledger.Event) {
		ask := p.ask()
		was := chainOf(p.Events)[2]
		p.revoke()
		p.Add(authoritytest.Plan{
			Actor: "bob", JobID: "job_1", Payload: ledger.Approved{CheckpointID: "cp_0001", Reason: "fine", Target: ask.LeafHash()}, Signers: []authoritytest.Signer{p.bob},
			EditDraft: func(d *ledger.Draft) { d.Authority = was.LeafHash() },
		})
		p.commit()
		return p.Events, chainOf(p.Events)
	}},
	{"an approval by a key that was revoked", finding.CodeActor, func(p *play) ([]ledger.Event, []ledger.Event) {
		ask := p.ask()
		p.revoke()
		p.approve(ask)
		p.commit()
		return p.Events, chainOf(p.Events)
	}},
	{"an actor enrolled with the ledger's key alone", finding.CodeAuthority, func(p *play) ([]ledger.Event, []ledger.Event) {
		p.Claim("root", "", ledger.ActorEnrolled{Actor: "eve", Keys: authoritytest.Lines(authoritytest.Key(p.t, "eve")), Roles: []ledger.Role{ledger.RoleApprover}})
		p.ask()
		p.commit()
		return p.Events, chainOf(p.Events)
	}},
	{"a signed deny under an approved event", finding.CodeActor, func(p *play) ([]ledger.Event, []ledger.Event) {
		ask := p.ask()
		denial := p.Seal(authoritytest.Plan{Actor: "bob", JobID: "job_1", Payload: ledger.Denied{CheckpointID: "cp_0001", Reason: "fine", Target: ask.LeafHash()}, Signers: []authoritytest.Signer{p.bob}})
		p.Append(changed(p.t, denial, func(d *ledger.Draft) {
			d.Payload = ledger.Approved{CheckpointID: "cp_0001", Reason: "fine", Target: ask.LeafHash()}
		}))
		p.commit()
		return p.Events, chainOf(p.Events)
	}},
	{"one byte of the event changed", finding.CodeActor, func(p *play) ([]ledger.Event, []ledger.Event) {
		p.Add(authoritytest.Plan{
			Actor: "ann", JobID: "job_1", Payload: ledger.Submitted{EnvironmentFingerprint: "env", ProducerVersion: "gait/test"}, Signers: []authoritytest.Signer{p.ann},
			EditDraft: func(d *ledger.Draft) {
				d.Payload = ledger.Submitted{EnvironmentFingerprint: "enw", ProducerVersion: "gait/test"}
			},
		})
		p.commit()
		return p.Events, chainOf(p.Events)
	}},
	{"one byte of the command changed", finding.CodeCommandSignature, func(p *play) ([]ledger.Event, []ledger.Event) {
		p.ask()
		p.Add(authoritytest.Plan{Actor: "ann", JobID: "job_1", Payload: ledger.Paused{Reason: "tea"}, Signers: []authoritytest.Signer{p.ann}, EditDraft: func(d *ledger.Draft) {
			d.Command = bytes.Replace(d.Command, []byte(`T20:10`), []byte(`T20:11`), 1)
		}})
		p.commit()
		return p.Events, chainOf(p.Events)
	}},
	{"one byte of the signature changed", finding.CodeCommandSignature, func(p *play) ([]ledger.Event, []ledger.Event) {
		p.Add(authoritytest.Plan{
			Actor: "ann", JobID: "job_1", Payload: ledger.Submitted{EnvironmentFingerprint: "env", ProducerVersion: "gait/test"}, Signers: []authoritytest.Signer{p.ann},
			EditDraft: func(d *ledger.Draft) { d.CommandSigs[0].Sig[len(d.CommandSigs[0].Sig)-40] ^= 1 },
		})
		p.commit()
		return p.Events, chainOf(p.Events)
	}},
	{"the signature of another job", finding.CodeActor, func(p *play) ([]ledger.Event, []ledger.Event) {
		p.ask()
		other := p.Seal(authoritytest.Plan{Actor: "ann", JobID: "job_2", Payload: ledger.Submitted{EnvironmentFingerprint: "env", ProducerVersion: "gait/test"}, Signers: []authoritytest.Signer{p.ann}})
		p.Add(authoritytest.Plan{Actor: "ann", JobID: "job_1", Payload: ledger.Paused{}, EditDraft: func(d *ledger.Draft) {
			was := other.Draft()
			d.Command, d.CommandSigs, d.RequestID, d.RequestDigest = was.Command, was.CommandSigs, was.RequestID, was.RequestDigest
		}})
		p.commit()
		return p.Events, chainOf(p.Events)
	}},
	{"a weak key enrolled", finding.CodeAuthority, func(p *play) ([]ledger.Event, []ledger.Event) {
		p.enrolLine("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
		p.ask()
		p.commit()
		return p.Events, chainOf(p.Events)
	}},
	{"a claim under an enrolled name", finding.CodeActor, func(p *play) ([]ledger.Event, []ledger.Event) {
		ask := p.ask()
		p.Claim("bob", "job_1", ledger.Approved{CheckpointID: "cp_0001", Reason: "fine", Target: ask.LeafHash()})
		p.commit()
		return p.Events, chainOf(p.Events)
	}},
}

func TestForgedActors(t *testing.T) {
	for _, tt := range actorForgeries {
		t.Run(tt.name, func(t *testing.T) {
			p := newPlay(t)
			fs := p.forged(tt.make(p))
			r := p.verify(packtest.Archive(fs))
			if tt.code == "" {
				if !r.Verified || r.Level(finding.LevelActors).Status != finding.Proved {
					t.Fatalf("an honest pack does not verify: %v", r.Failure)
				}
				return
			}
			if r.Verified || r.Failure == nil || r.Failure.Level != finding.LevelActors || r.Failure.Code != tt.code {
				t.Fatalf("it verifies: %t, %+v, want a failure of actors with %s", r.Verified, r.Failure, tt.code)
			}
			t.Log(r.Failure)
		})
	}
}

// Reading an export finds the same, if the forgery is in the events and not in the pack alone.
func TestForgedActorsInExports(t *testing.T) {
	for _, tt := range actorForgeries {
		if tt.name == "a revocation left out" { // of the pack
			continue
		}
		p := newPlay(t)
		events, _ := tt.make(p)
		dir := fstest.MapFS{}
		err := packspec.Export(t.Context(), ledgertest.Forge(t, p.key, events...), func(path string, content []byte) error {
			dir[path] = &fstest.MapFile{Data: content, Mode: 0o600}
			return nil
		}, nil)
		if err != nil {
			t.Fatal(err)
		}
		err = holds(dir, p.key.VerifierKey())
		if _, corrupt := errors.AsType[*ledger.CorruptError](err); corrupt != (tt.code != "") || err == nil != (tt.code == "") {
			t.Errorf("%s: reading the export gives %v", tt.name, err)
		}
	}
}

// actorJudgements are packs of ledgers with authority, with this verifier's verdicts.
func actorJudgements(t *testing.T) (all []judgement, key ledger.PrivateKey) {
	p := whole(t)
	pack := build(t, p.log(), "job_1")
	all = append(all, judge(t, "with authority", pack, p.key))
	q := newPlay(t)
	q.approve(q.ask())
	all = append(all, judge(t, "with authority, without a commitment", build(t, q.log(), "job_1"), p.key))
	q.Set("root", q.root, ledger.ModeAll)
	q.Sign("ann", "job_1", ledger.Resumed{ExpectedFingerprint: "env", ActualFingerprint: "env", Consumes: []ledger.Hash{q.Events[6].LeafHash()}}, q.ann)
	q.Sign("ann", "job_1", ledger.Refused{Command: "resume", Exit: 6, Refusal: "invalid_transition"}, q.ann)
	q.Sign("ann", "job_1", ledger.Paused{Hold: true, Reason: "tea"}, q.ann)
	q.commit()
	all = append(all, judge(t, "with authority, in mode all", build(t, q.log(), "job_1"), p.key))
	all = append(all, judge(t, "with an actor revoked who had no key left", build(t, keyless(t).log(), "job_1"), p.key))
	for _, tt := range actorForgeries {
		p := newPlay(t)
		all = append(all, judge(t, tt.name, packtest.Archive(p.forged(tt.make(p))), p.key))
	}
	for _, format := range []string{`"format":3`, `"format":2`, `"format":5`} {
		fs := files(t, pack)
		e := file(fs, "evidence.json")
		e.Data = bytes.Replace(e.Data, []byte(`"format":4`), []byte(format), 1)
		all = append(all, judge(t, "with authority and "+format, resign(t, fs, p.key), p.key))
	}
	for _, name := range []string{"authority_events.jsonl", "authority.mpt-proof"} {
		fs := slices.DeleteFunc(files(t, pack), func(f packtest.File) bool { return f.Name == name })
		all = append(all, judge(t, "without "+name, resign(t, fs, p.key), p.key))
	}
	random := rand.New(rand.NewPCG(11, 12))
	for range ledgertest.Sample(t, 60, 10) {
		fs := files(t, pack)
		at := file(fs, []string{"authority_events.jsonl", "authority.mpt-proof", "ledger_events.jsonl", "evidence.json"}[random.IntN(4)])
		bit := random.IntN(8 * len(at.Data))
		at.Data = flip(at.Data, bit)
		all = append(all, judge(t, fmt.Sprint("bit ", bit, " of ", at.Name, ", signed again"), resign(t, fs, p.key), p.key))
	}
	return all, p.key
}

// enrolLine enrols eve, an approver, with a key as a line has it.
func (p *play) enrolLine(line string) {
	p.Sign("root", "", ledger.ActorEnrolled{Actor: "eve", Keys: []string{line}, Roles: []ledger.Role{ledger.RoleApprover}}, p.root)
}

// Both verifiers take the same keys of actors.
func TestTwoVerifiersAgreeOnKeys(t *testing.T) {
	needPython(t)
	needKeygen(t)
	key := func(typ string, parts ...string) string {
		var blob []byte
		for _, part := range append([]string{typ}, parts...) {
			blob = append(binary.BigEndian.AppendUint32(blob, uint32(len(part))), part...) //nolint:gosec // short
		}
		return typ + " " + base64.StdEncoding.EncodeToString(blob)
	}
	const ed, ec = "ssh-ed25519", "ecdsa-sha2-nistp256"
	public, zeros := string(authoritytest.Key(t, "eve").Blob()[19:]), strings.Repeat("\x00", 31)
	point := string(authoritytest.ECDSAKey(t, "eve").Blob()[39:])
	order8, err := hex.DecodeString("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a")
	if err != nil {
		t.Fatal(err)
	}
	good := []string{key(ed, public), key(ec, "nistp256", point), key("sk-"+ed+"@openssh.com", public, "ssh:"), key("sk-"+ec+"@openssh.com", "nistp256", point, "ssh:x")}
	bad := []string{
		key(ed, zeros+"\x00"), key(ed, zeros+"\x80"), key(ed, "\x01"+zeros), key(ed, "\xec"+strings.Repeat("\xff", 30)+"\x7f"), key(ed, string(order8)),
		key(ed, "\xee"+strings.Repeat("\xff", 30)+"\x7f"), key(ed, "\x02"+zeros), key(ed, public[1:]), key(ed, public, ""),
		key(ec, "nistp256", point[:64]+string(point[64]^1)), key(ec, "nistp256", "\x02"+point[1:33]), key(ec, "nistp256", "\x00"), key(ec, "nistp384", point),
		key("sk-"+ed+"@openssh.com", public), key("sk-"+ed+"@openssh.com", public, "https://example.com"), key("sk-"+ed+"@openssh.com", public, "ssh:\n"),
	}
	var all []judgement
	for i, line := range append(good, bad...) {
		p := newPlay(t)
		p.enrolLine(line)
		p.approve(p.ask())
		p.commit()
		j := judge(t, line, packtest.Archive(p.forged(p.Events, chainOf(p.Events))), p.key)
		if (j.exit == 0) != (i < len(good)) {
			t.Errorf("with the key %q gait exits %d", line, j.exit)
		}
		all = append(all, j)
	}
	agree(t, all, newPlay(t).key.VerifierKey().String())
}

// verify.py gives the same verdicts on packs of ledgers with authority.
func TestTwoVerifiersAgreeOnActors(t *testing.T) {
	needPython(t)
	needKeygen(t)
	all, key := actorJudgements(t)
	for _, j := range all[:4] {
		if j.exit != 0 {
			t.Errorf("%s does not verify", j.name)
		}
	}
	agree(t, all, key.VerifierKey().String())
}

// Without ssh-keygen, verify.py never says that a pack is proved.
func TestVerifyPyWithoutKeygen(t *testing.T) {
	needPython(t)
	bin, dir := t.TempDir(), t.TempDir()
	openssl, err := exec.LookPath("openssl")
	if err == nil {
		err = os.Symlink(openssl, filepath.Join(bin, "openssl"))
	}
	python, failed := exec.Command("python3", "-c", "import sys; print(sys.executable)").Output() // python3 itself may be a script
	if err := errors.Join(err, failed); err != nil {
		t.Fatal(err)
	}
	p := whole(t)
	pack, key := filepath.Join(dir, "pack.zip"), filepath.Join(dir, "key.vkey")
	if err := errors.Join(os.WriteFile(pack, build(t, p.log(), "job_1"), 0o600), os.WriteFile(key, []byte(p.key.VerifierKey().String()+"\n"), 0o600)); err != nil {
		t.Fatal(err)
	}
	run := exec.Command(strings.TrimSpace(string(python)), "-B", verifyPy, pack, key)
	run.Env = []string{"PATH=" + bin}
	out, _ := run.CombinedOutput()
	if got := run.ProcessState.ExitCode(); got != 6 || !bytes.HasPrefix(out, []byte("NOT PROVED: ")) || !bytes.Contains(out, []byte("SIGNATURES OF ACTORS NOT CHECKED")) {
		t.Errorf("verify.py without ssh-keygen exits %d:\n%s", got, out)
	}
}
