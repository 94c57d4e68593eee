package packspec_test

import (
	"bytes"
	"fmt"
	"maps"
	"strings"
	"testing"

	"gait/ledger"
	"gait/packspec"
	"gait/packspec/finding"
	"gait/packspec/packtest"
)

// boundPlay is a play of a job that is bound to a policy, about which the gate was not asked.
func boundPlay(t testing.TB) *gatePlay {
	g := newGatePlay(t)
	g.commit()
	return g
}

// changedPolicy is a play of the gate in which the job was resumed under another policy.
func changedPolicy(t testing.TB) (*gatePlay, string) {
	g := newGatePlay(t)
	const second = "forbid (principal, action, resource);\n"
	g.gate(blockedFirst())
	g.Claim("olga", "job_1", ledger.Paused{})
	before := g.policy
	g.policy = sha256Of(second)
	g.Claim("olga", "job_1", ledger.Resumed{
		ExpectedFingerprint: "env", ActualFingerprint: "env", PolicyChanged: true, PreviousPolicyDigest: before, CurrentPolicyDigest: g.policy, Reason: "stricter",
	})
	g.gate(blocked())
	g.commit()
	return g, second
}

// blockedFirst is a block that is the job's first event with content.
func blockedFirst() ledger.GateDecided {
	p := blocked()
	p.ContentKey = ledger.Hash{1}
	return p
}

func policyEntry(text string) string { return "policies/" + sha256Of(text).String() }

// A pack has the policies that the job's events name, each as it is kept or not at all.
func TestPackWithPolicies(t *testing.T) {
	bound := boundPlay(t)
	changed, second := changedPolicy(t)
	some := kept{}
	maps.Copy(some, changed.kept)
	changed.kept[sha256Of(second)] = second
	for _, tt := range []struct {
		name   string
		play   *gatePlay
		kept   kept
		has    []string
		status finding.Status
		says   string
	}{
		{"the policy of a job without the gate", bound, bound.kept, []string{gatePolicy}, finding.Proved, "the events name 0 contents: 0 are here, 0 erased, 0 not in the pack; policies: 1 of 1 are here"},
		{"both policies", changed, changed.kept, []string{gatePolicy, second}, finding.Proved, "the events name 1 contents: 1 are here, 0 erased, 0 not in the pack; policies: 2 of 2 are here"},
		{"one of the policies", changed, some, []string{gatePolicy}, finding.Claimed, "the events name 1 contents: 1 are here, 0 erased, 0 not in the pack; policies: 1 of 2 are here"},
		{"none of the policies", changed, nil, nil, finding.Absent, "the events name 1 contents: 0 are here, 0 erased, 1 not in the pack; policies: 0 of 2 are here"},
	} {
		pack := tt.play.packOf(tt.kept)
		r := tt.play.verify(pack)
		if l := r.Level(finding.LevelContent); !r.Verified || l.Status != tt.status || l.Detail != tt.says {
			t.Errorf("%s: verified: %t, %v; the level is %+v", tt.name, r.Verified, r.Failure, l)
		}
		fs := files(t, pack)
		if !bytes.Contains(file(fs, "evidence.json").Data, []byte(`"format":6`)) {
			t.Errorf("%s: the evidence is %s", tt.name, file(fs, "evidence.json").Data)
		}
		found := 0
		for _, f := range fs {
			if strings.HasPrefix(f.Name, "policies/") {
				found++
			}
		}
		for _, text := range tt.has {
			if e := file(fs, policyEntry(text)); e == nil || string(e.Data) != text {
				t.Errorf("%s: %s is %+v", tt.name, policyEntry(text), e)
			}
		}
		if found != len(tt.has) {
			t.Errorf("%s: %d policies, want %d", tt.name, found, len(tt.has))
		}
	}
	if plain := bound.packOf(nil); !bytes.Equal(bound.packOf(kept{}), plain) || !bytes.Contains(file(files(t, plain), "evidence.json").Data, []byte(`"format":4`)) {
		t.Error("a pack is another one if no policy is at hand")
	}
}

// A policy that was erased or damaged while the pack is made is in no pack.
func TestPolicyThatCannotBeRead(t *testing.T) {
	g := gated(t)
	for name, read := range map[string]func(int) ([]byte, error){
		"that cannot be read": func(int) ([]byte, error) { return nil, ledger.ErrMalformed },
		"that is gone the second time": func(n int) ([]byte, error) {
			if n == 1 {
				return []byte(gatePolicy), nil
			}
			return nil, ledger.ErrContentMissing
		},
		"that is another one": func(int) ([]byte, error) { return []byte("permit (principal, action, resource);"), nil },
	} {
		n := 0
		var b packspec.Buffer
		_, err := packspec.BuildJob(t.Context(), &b, g.log(), "job_1", g.key, packspec.JobOptions{
			JobContent: g.open, Content: func(ledger.Hash, int64) ([]byte, error) { n++; return read(n) },
		})
		if err == nil || !strings.Contains(err.Error(), "reading policy "+g.policy.String()) {
			t.Errorf("a policy %s: %v", name, err)
		}
	}
}

// policyForgeries change a pack with a policy. The ledger's key signs them.
var policyForgeries = []struct {
	name        string
	forge       func(g *gatePlay, fs []packtest.File) []packtest.File
	level, code string
}{
	{"another byte of the policy", func(_ *gatePlay, fs []packtest.File) []packtest.File {
		file(fs, policyEntry(gatePolicy)).Data[3] ^= 1
		return fs
	}, finding.LevelContent, finding.CodeContent},
	{"a policy that no event names", func(_ *gatePlay, fs []packtest.File) []packtest.File {
		const other = "permit (principal, action, resource);\n"
		return packtest.Set(fs, policyEntry(other), []byte(other))
	}, finding.LevelContent, finding.CodeContent},
	{"an intent as a policy", func(g *gatePlay, fs []packtest.File) []packtest.File {
		return packtest.Set(fs, "policies/"+g.intent.Digest.String(), []byte(g.kept[g.intent.Digest]))
	}, finding.LevelContent, finding.CodeContent},
	{"a policy as an intent", func(g *gatePlay, fs []packtest.File) []packtest.File {
		return packtest.Set(fs, "content/"+g.policy.String(), []byte(gatePolicy))
	}, finding.LevelContent, finding.CodeContent},
	{"a policy under a name that is no digest", func(_ *gatePlay, fs []packtest.File) []packtest.File {
		return packtest.Set(fs, "policies/zzz", []byte(gatePolicy))
	}, finding.LevelContent, finding.CodeContent},
	{"a policy that is too large", func(_ *gatePlay, fs []packtest.File) []packtest.File {
		file(fs, policyEntry(gatePolicy)).Data = []byte(strings.Repeat("// x\n", 60_000))
		return fs
	}, finding.LevelContainer, finding.CodeEntries},
	{"a policy in format 5", func(_ *gatePlay, fs []packtest.File) []packtest.File {
		e := file(fs, "evidence.json")
		e.Data = bytes.Replace(e.Data, []byte(`"format":6`), []byte(`"format":5`), 1)
		return fs
	}, finding.LevelCanonical, finding.CodeNotCanonical},
}

// forgedPolicies returns the forgeries by name.
func forgedPolicies(t testing.TB, g *gatePlay) map[string][]byte {
	all := map[string][]byte{}
	for _, tt := range policyForgeries {
		all[tt.name] = resign(t, tt.forge(g, files(t, g.packOf(g.kept))), g.key)
	}
	return all
}

// withoutPolicy is a pack of a job without the gate from which its policy was taken, in the
// format with policies.
func withoutPolicy(t testing.TB, g *gatePlay) []byte {
	pack := g.packOf(g.kept)
	fs := files(t, pack)
	for i, f := range fs {
		if f.Name == policyEntry(gatePolicy) {
			return resign(t, append(fs[:i:i], fs[i+1:]...), g.key)
		}
	}
	t.Fatal("the pack has no policy")
	return nil
}

func TestForgedPolicies(t *testing.T) {
	g := gated(t)
	forged := forgedPolicies(t, g)
	for _, tt := range policyForgeries {
		if r := g.verify(forged[tt.name]); r.Verified || r.Failure.Level != tt.level || r.Failure.Code != tt.code {
			t.Errorf("%s: verified: %t, %v, want %s with %s", tt.name, r.Verified, r.Failure, tt.level, tt.code)
		}
	}
	bound := boundPlay(t)
	if r := bound.verify(withoutPolicy(t, bound)); r.Verified || r.Failure.Level != finding.LevelCanonical {
		t.Errorf("format 6 without gate or policy: verified: %t, %v", r.Verified, r.Failure)
	}
}

// verify.py and the program in VERIFY.md find the same, but for the size of a policy, which
// the program does not compare.
func TestPythonReadsPolicies(t *testing.T) {
	needPython(t)
	needKeygen(t)
	g := gated(t)
	vkey := g.key.VerifierKey().String()
	bound, _ := changedPolicy(t)
	all := []judgement{judge(t, "a policy", g.packOf(g.kept), g.key), judge(t, "one of two policies", bound.packOf(bound.kept), g.key), judge(t, "the policy left out", g.packOf(nil), g.key)}
	forged := forgedPolicies(t, g)
	for _, name := range sortedKeys(forged) {
		all = append(all, judge(t, name, forged[name], g.key))
	}
	agree(t, all, vkey)
	fs := files(t, bound.packOf(bound.kept))
	code := program(t, fs)
	if out, err := check(t, code, fs, vkey); err != nil || !strings.HasSuffix(out, fmt.Sprintf("; 1 of 1 contents; 1 of %d policies; 0 grants, 0 not settled\n", 2)) {
		t.Errorf("VERIFY.md says %v: %s", err, out)
	}
	for _, tt := range policyForgeries {
		if tt.level != finding.LevelContent {
			continue
		}
		if out, err := check(t, code, files(t, forged[tt.name]), vkey); err == nil {
			t.Errorf("%s: VERIFY.md says %s", tt.name, out)
		}
	}
}
