package projection_test

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"testing"

	"gait/ledger"
	"gait/projection"
)

// proofOf proves the last event of a story.
func proofOf(t testing.TB, s *story) (projection.ContinuedProof, ledger.Checkpoint, ledger.VerifierKey) {
	t.Helper()
	last := s.events[len(s.events)-1]
	var tree ledger.Tree
	for seq := range last.Seq() {
		tree.Append(sha256.Sum256(binary.BigEndian.AppendUint64(nil, uint64(seq))), nil)
	}
	path := tree.NextPath()
	tree.Append(last.LeafHash(), nil)
	key, err := ledger.GenerateKey(strings.NewReader(strings.Repeat("k", 32)), origin)
	if err != nil {
		t.Fatal(err)
	}
	c := ledger.Checkpoint{Origin: origin, Size: tree.Size(), Root: tree.Root()}
	signed, err := c.Sign(key)
	if err != nil {
		t.Fatal(err)
	}
	return projection.ContinuedProof{Event: last, Proof: ledger.Proof{Seq: last.Seq(), Path: path, Checkpoint: signed}}, c, key.VerifierKey()
}

// The proof of a continued job holds for what it says, and for nothing else that the
// job's last event contradicts.
func TestContinuedProofCheck(t *testing.T) {
	last := map[string]func(*story){
		"submitted": func(*story) {}, "a pause": paused, "a hold": func(s *story) { s.add("boss", ledger.Paused{Hold: true}) }, "a decision": asked, "an approval": decided,
		"a denial": func(s *story) { asked(s); s.verdict(projection.Denied, "reviewer") }, "a resume": func(s *story) { decided(s); s.add("worker_1", s.resumed()) },
		"a stop": func(s *story) { s.add("boss", ledger.Stopped{}) }, "the end": cancelled, "completed": func(s *story) { s.checkpoint(ledger.CheckpointCompleted) },
		"a refusal": func(s *story) {
			s.add("boss", ledger.Refused{Command: "resume", Exit: 6, Refusal: "invalid_transition"})
		},
	}
	always := map[string]func(*ledger.Continued){
		"another origin":    func(p *ledger.Continued) { p.Origin = "gait.test/other" },
		"another tree":      func(p *ledger.Continued) { p.Root = one },
		"a larger tree":     func(p *ledger.Continued) { p.Size++ },
		"another event":     func(p *ledger.Continued) { p.Leaf = one },
		"another job_seq":   func(p *ledger.Continued) { p.JobSeq++ },
		"another revision":  func(p *ledger.Continued) { p.Revision++ },
		"fewer refusals":    func(p *ledger.Continued) { p.Refusals-- },
		"a status not its":  func(p *ledger.Continued) { p.Status = "failed" },
		"other checkpoints": func(p *ledger.Continued) { p.Checkpoints += 2 },
	}
	// What these events do not say cannot be contradicted by them.
	silent := []string{
		"a refusal/a status not its", "an approval/a status not its", "a denial/other checkpoints", "an approval/other checkpoints", "a pause/other checkpoints",
		"a hold/other checkpoints", "a resume/other checkpoints", "a stop/other checkpoints", "the end/other checkpoints", "a refusal/other checkpoints",
	}
	for name, given := range last {
		s := tell(t)
		given(s)
		proof, _, key := proofOf(t, s)
		_, p := continueStory(t, s)
		for what, change := range always {
			if slices.Contains(silent, name+"/"+what) || p.Refusals == 0 && what == "fewer refusals" {
				continue
			}
			lie := p
			change(&lie)
			if err := proof.Check("job_1", lie); !errors.Is(err, ledger.ErrUnverified) {
				t.Errorf("after %s, with %s: %v, want ErrUnverified", name, what, err)
			}
		}
		if err := proof.Check("job_2", p); !errors.Is(err, ledger.ErrUnverified) {
			t.Errorf("for another job: %v", err)
		}
		elsewhere := proof
		elsewhere.Proof.Seq++
		if err := elsewhere.Check("job_1", p); !errors.Is(err, ledger.ErrUnverified) {
			t.Errorf("as another event: %v", err)
		}
		bare := proof
		bare.Proof.Path = bare.Proof.Path[1:]
		if err := bare.Check("job_1", p); !errors.Is(err, ledger.ErrUnverified) {
			t.Errorf("with a path too short: %v", err)
		}
		other, err := ledger.GenerateKey(strings.NewReader(strings.Repeat("x", 32)), key.Name())
		if err != nil {
			t.Fatal(err)
		}
		if err := proof.Open(other.VerifierKey().PublicKey()); !errors.Is(err, ledger.ErrUnverified) {
			t.Errorf("under another key: %v", err)
		}
	}
}

// A lone event contradicts what it says of the job beside its status.
func TestContinuedProofOfOneEvent(t *testing.T) {
	resume := func(s *story) { decided(s); s.add("worker_1", s.resumed()) }
	for _, tt := range []struct {
		field  string // that the event contradicts
		given  func(*story)
		change func(*ledger.Continued)
	}{
		{"hold", func(s *story) { s.add("boss", ledger.Paused{Hold: true}) }, func(p *ledger.Continued) { p.Hold = false }},
		{"approval_count", decided, func(p *ledger.Continued) { p.Approvals = 0 }},
		{"status_reason_code", decided, func(p *ledger.Continued) { p.StatusReasonCode = "paused" }},
		{"environment_fingerprint", resume, func(p *ledger.Continued) { p.EnvironmentFingerprint = "envfp:there" }},
		{"identity", resume, func(p *ledger.Continued) { p.Identity = "agent_8" }},
		{"policy_digest", resume, func(p *ledger.Continued) { p.PolicyDigest = one }},
		{"policy_ref", resume, func(p *ledger.Continued) { p.PolicyRef = "v2" }},
		{"epoch", takesLease, func(p *ledger.Continued) { p.Epoch = 0 }},
		{"status", takesLease, func(p *ledger.Continued) {
			p.Status, p.StopReason, p.StatusReasonCode = "completed", "completed", "completed"
		}},
		{"epoch", func(s *story) { takesLease(s); s.renewsLease() }, func(p *ledger.Continued) { p.Epoch = 0 }},
		{"epoch", func(s *story) { takesLease(s); s.releasesLease() }, func(p *ledger.Continued) { p.Epoch = 0 }},
		{"attempt_count", func(s *story) { takesLease(s); s.attempts(1) }, func(p *ledger.Continued) { p.Attempts = 2 }},
		{"epoch", func(s *story) { takesLease(s); s.attempts(1) }, func(p *ledger.Continued) { p.Epoch = 0 }},
		{"epoch", func(s *story) { takesLease(s); s.progressUnder(1) }, func(p *ledger.Continued) { p.Epoch = 0 }},
	} {
		s := tell(t)
		tt.given(s)
		proof, _, _ := proofOf(t, s)
		_, lie := continueStory(t, s)
		tt.change(&lie)
		if err := proof.Check("job_1", lie); !errors.Is(err, ledger.ErrUnverified) || !strings.Contains(err.Error(), "another "+tt.field+" ") {
			t.Errorf("with another %s: %v", tt.field, err)
		}
	}
}

func TestContinuedProofOfASubmission(t *testing.T) {
	s := tell(t)
	proof, _, _ := proofOf(t, s)
	_, p := continueStory(t, s)
	for name, change := range map[string]func(*ledger.Continued){
		"environment": func(p *ledger.Continued) { p.EnvironmentFingerprint = "envfp:there" }, "identity": func(p *ledger.Continued) { p.Identity = "agent_8" },
		"policy": func(p *ledger.Continued) { p.PolicyDigest = one }, "policy's name": func(p *ledger.Continued) { p.PolicyRef = "v2" },
		"time": func(p *ledger.Continued) { p.CreatedAt = epoch.Add(1e9) }, "labels": func(p *ledger.Continued) { p.Labels = []ledger.Label{{Key: "k", Value: "v"}} },
		"attempts": func(p *ledger.Continued) { p.Attempts = 1 }, "after": func(p *ledger.Continued) { p.After = []string{"job_0"} },
		"due": func(p *ledger.Continued) { p.NotBefore = epoch }, "input": func(p *ledger.Continued) { p.Input = subject },
		"approvals": func(p *ledger.Continued) { p.Approvals = 1 }, "producer": func(p *ledger.Continued) { p.ProducerVersion = "x" }, "refusals": func(p *ledger.Continued) { p.Refusals = 1 },
	} {
		lie := p
		change(&lie)
		if err := proof.Check("job_1", lie); !errors.Is(err, ledger.ErrUnverified) {
			t.Errorf("another %s: %v, want ErrUnverified", name, err)
		}
	}
}

func TestParseContinuedProofRefuses(t *testing.T) {
	proof, _, _ := proofOf(t, tell(t))
	text, err := proof.Encode()
	if err != nil {
		t.Fatal(err)
	}
	good := string(text)
	for name, bad := range map[string]string{
		"nothing": "", "white space": good + "\n", "a field more": strings.Replace(good, `"proof"`, `"more":1,"proof"`, 1),
		"another schema":  strings.Replace(good, projection.ContinuedProofSchemaID, "gait.other", 1),
		"an event edited": strings.Replace(good, `\"actor\":\"boss\"`, `\"actor\":\"boss\",\"x\":1`, 1), "no proof": strings.Replace(good, "c2sp.org", "example.org", 1),
		"too long": `{"event":"` + strings.Repeat("x", projection.MaxContinuedProofSize) + `"}`,
	} {
		if _, err := projection.ParseContinuedProof([]byte(bad)); !errors.Is(err, ledger.ErrMalformed) {
			t.Errorf("%s: %v, want ErrMalformed", name, err)
		}
	}
	if _, err := projection.ParseContinuedProof([]byte(strings.Replace(good, `"schema_version":"1.0.0"}`, `"schema_version":"2.0.0"}`, 1))); !errors.Is(err, ledger.ErrUnsupportedVersion) {
		t.Errorf("another version: %v, want ErrUnsupportedVersion", err)
	}
}

func FuzzParseContinuedProof(f *testing.F) {
	proof, _, _ := proofOf(f, tell(f))
	text, err := proof.Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := projection.ParseContinuedProof(b)
		if err != nil {
			return
		}
		if again, err := p.Encode(); err != nil || string(again) != string(b) {
			t.Fatalf("it reads %s and writes %s, %v", b, again, err)
		}
	})
}
