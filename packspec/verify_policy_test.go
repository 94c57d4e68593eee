package packspec_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"gait/commands"
	"gait/ledger"
	"gait/ledger/ledgertest"
	"gait/packspec"
	"gait/packspec/finding"
)

// policy parses a policy in which $NAME stands for that witness's key.
func policy(t testing.TB, text string) *packspec.Policy {
	t.Helper()
	for _, name := range []string{"a.example", "b.example", "c.example"} {
		text = strings.ReplaceAll(text, "$"+name[:1], ledgertest.NewWitness(name).Key.String())
	}
	p, err := ledger.ParsePolicy([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return &packspec.Policy{Policy: p, From: "policy.txt"}
}

const twoOfThree = "witness A $a\nwitness B $b\nwitness C $c\ngroup q 2 A B C\nquorum q\n"

func underPolicy(t testing.TB, pack []byte, p *packspec.Policy, key ledger.PrivateKey) packspec.Report {
	t.Helper()
	r, err := packspec.Verify(bytes.NewReader(pack), int64(len(pack)),
		packspec.Options{Trusted: []packspec.TrustedKey{{Key: key.VerifierKey().PublicKey(), From: "test"}}, Policy: p})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestPolicy(t *testing.T) {
	key := testKey(t, 1)
	own := "log " + key.VerifierKey().String() + "\n"
	other := "log " + testKey(t, 2).VerifierKey().String() + "\n"
	for _, tt := range []struct {
		name, policy, by string
		status           finding.Status
		verified         bool
		says             string // of the level's detail
		code             string
	}{
		{"no policy, no cosignature", "", "", finding.Absent, true, "no witness", ""},
		{"no policy", "", "a.example b.example", finding.Claimed, true, `"a.example, b.example"`, ""},
		{"quorum met", own + twoOfThree, "c.example a.example", finding.Proved, true, "a.example at 2026-11-23T08:00:00.000Z, c.example at", ""},
		{"quorum met, beside a stranger", twoOfThree, "x.example a.example b.example", finding.Proved, true, "a.example at", ""},
		{"any one of the logs", other + own + twoOfThree, "a.example b.example", finding.Proved, true, "met", ""},
		{"too few", own + twoOfThree, "b.example", finding.Failed, false, "q (1 of 3, 2 needed; without A, C)", finding.CodePolicy},
		{"one of them twice", own + twoOfThree, "b.example b.example", finding.Failed, false, "1 of 3", finding.CodePolicy},
		{"none at all", own + twoOfThree, "", finding.Failed, false, "0 of 3", finding.CodePolicy},
		{"another log's policy", other + twoOfThree, "a.example b.example", finding.Failed, false, "no log of the policy", finding.CodePolicy},
		{"quorum none", own + "quorum none\n", "", finding.Absent, true, "asks for none", ""},
		{"quorum none, cosigned", "witness A $a\nquorum none\n", "a.example", finding.Proved, true, "a.example at", ""},
	} {
		log := history(t, key)
		if tt.by != "" {
			log.cosign(strings.Fields(tt.by)...)
		}
		var p *packspec.Policy
		if tt.policy != "" {
			p = policy(t, tt.policy)
		}
		r := underPolicy(t, build(t, log, "job_1"), p, key)
		l := r.Level(finding.LevelCosignatures)
		if r.Verified != tt.verified || l.Status != tt.status || !strings.Contains(l.Detail, tt.says) {
			t.Errorf("%s: verified %t, %+v, want %t, %s, %q", tt.name, r.Verified, l, tt.verified, tt.status, tt.says)
		}
		if !tt.verified && (r.Failure.Code != tt.code || r.Failure.Level != finding.LevelCosignatures) {
			t.Errorf("%s: failure %+v, want %s", tt.name, r.Failure, tt.code)
		}
		if tt.status == finding.Proved && (len(r.Cosigned) == 0 || r.Policy != "policy.txt" || r.Cosigned[0].Time != "2026-11-23T08:00:00.000Z") {
			t.Errorf("%s: cosigned by %+v under %q", tt.name, r.Cosigned, r.Policy)
		}
	}
}

// A pack is built on the newest cosigned checkpoint if that covers the job, even if the
// ledger has newer events of other jobs.
func TestBuildCosigned(t *testing.T) {
	key := testKey(t, 1)
	log := history(t, key)
	log.cosign("a.example", "b.example")
	before := build(t, log, "job_1")
	s := newScript(t, log)
	s.ok("job_3", "w", "", commands.Submit{EnvironmentFingerprint: "e", ProducerVersion: "p"})
	if !bytes.Equal(build(t, log, "job_1"), before) {
		t.Error("another job's event changes the pack of a job that the cosigned checkpoint covers")
	}
	r := underPolicy(t, build(t, log, "job_3"), policy(t, twoOfThree), key)
	if r.Verified || r.Size != 13 || r.Level(finding.LevelCosignatures).Status != finding.Failed {
		t.Errorf("a job that no cosigned checkpoint covers: %+v", r)
	}
	log.cosign("a.example", "c.example")
	if r := underPolicy(t, build(t, log, "job_1"), policy(t, twoOfThree), key); !r.Verified || r.Size != 13 {
		t.Errorf("cosigned again: %+v", r)
	}
}

// GHSA-8gw7-4j42-w388 is a verifier that accepted a genuine signature of another artifact.
// Here genuine cosignatures of another checkpoint, of the same ledger or of a fork of it,
// are spliced onto this one; the rest of the pack is adapted with the ledger's own key.
func TestSignatureOfAnotherArtifact_GHSA_8gw7_4j42_w388(t *testing.T) {
	key := testKey(t, 1)
	p := policy(t, "witness A $a\nquorum A\n")
	a := ledgertest.NewWitness("a.example")
	for _, tt := range []struct {
		name  string
		note  func(log *testLog, other []byte) string
		level string
		code  string
	}{
		{"a cosignature of another checkpoint", func(log *testLog, other []byte) string {
			return string(log.signed()) + a.Line(other, cosignedAt)
		}, finding.LevelCosignatures, finding.CodeCosignature},
		{"the ledger's signature of another checkpoint", func(log *testLog, other []byte) string {
			_, line, _ := strings.Cut(string(other), "\n\n")
			return log.checkpoint().Text() + "\n" + line + a.Line(log.signed(), cosignedAt)
		}, finding.LevelSignature, finding.CodeSignatureInvalid},
		{"the ledger's signature in the witness's name", func(log *testLog, _ []byte) string {
			_, line, _ := strings.Cut(string(log.signed()), "\n\n")
			return string(log.signed()) + strings.Replace(line, origin, "a.example", 1)
		}, finding.LevelCosignatures, finding.CodePolicy},
		{"another whole checkpoint", func(_ *testLog, other []byte) string {
			return string(other) + a.Line(other, cosignedAt)
		}, finding.LevelInclusion, finding.CodeCheckpoint},
	} {
		fork := ledger.Checkpoint{Origin: origin, Size: 12, Root: ledger.LeafHash([]byte("fork"))}
		older := ledger.Checkpoint{Origin: origin, Size: 11, Root: ledger.LeafHash([]byte("older"))}
		for _, c := range []ledger.Checkpoint{fork, older} {
			log := history(t, key)
			other, err := c.Sign(key)
			if err != nil {
				t.Fatal(err)
			}
			log.cosign("a.example")
			honest := build(t, log, "job_1")
			f := &forger{t: t, log: log, files: files(t, honest), job: "job_1", at: log.at("job_1")}
			for _, name := range []string{"head.tlog-proof", "ledger_created.tlog-proof"} {
				head, _, _ := strings.Cut(string(file(f.files, name).Data), "\n\n")
				f.set(name, []byte(head+"\n\n"+tt.note(log, other)))
			}
			r := underPolicy(t, f.pack("ledger"), p, key)
			if r.Verified || r.Failure == nil || r.Failure.Level != tt.level || r.Failure.Code != tt.code {
				t.Errorf("%s (size %d): verified %t, %+v, want %s at %s", tt.name, c.Size, r.Verified, r.Failure, tt.code, tt.level)
			}
		}
	}
}

// No flipped bit of a cosigned pack stays unseen either.
func TestEveryBitOfACosignedPack(t *testing.T) {
	if testing.Short() {
		t.Skip("thousands of packs")
	}
	key := testKey(t, 1)
	log := newLog(t, key)
	newScript(t, log).ok("j", "w", "", commands.Submit{EnvironmentFingerprint: "e", ProducerVersion: "p"})
	log.cosign("a.example")
	pack := build(t, log, "j")
	if !slices.Contains(strings.Fields(string(pack)), "a.example") {
		t.Fatal("the pack is not cosigned")
	}
	tried(t, 8*len(pack), key, func(i int) []byte { return flip(pack, i) })
}
