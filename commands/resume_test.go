package commands_test

import (
	"crypto/sha256"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gait/commands"
	"gait/ledger"
	"gait/projection"
)

// Two policies, by their digests.
var one, two = ledger.Hash(sha256.Sum256([]byte("one"))), ledger.Hash(sha256.Sum256([]byte("two")))

func TestResume(t *testing.T) {
	type facts struct {
		policy, was       ledger.Hash
		ref, wasRef       string
		changed           bool
		identity          string
		expected, actual  string
		reasonCode        string
		jobPolicy, jobRef string
		jobIdentity       string
	}
	plain := commands.Submit{EnvironmentFingerprint: env, ProducerVersion: "gait/test"}
	bound := commands.Submit{EnvironmentFingerprint: env, ProducerVersion: "gait/test", Identity: "agent_7", PolicyDigest: one, PolicyRef: "policy v1"}
	tests := []struct {
		name   string
		submit commands.Submit
		resume commands.Resume
		want   facts
	}{
		{
			"nothing changed", plain,
			commands.Resume{EnvironmentFingerprint: env},
			facts{expected: env, actual: env, reasonCode: "resumed"},
		},
		{
			"same policy", bound,
			commands.Resume{EnvironmentFingerprint: env, PolicyDigest: one},
			facts{
				policy: one, was: one, ref: "policy v1", wasRef: "policy v1", identity: "agent_7", expected: env, actual: env,
				reasonCode: "resumed", jobPolicy: one.String(), jobRef: "policy v1", jobIdentity: "agent_7",
			},
		},
		{
			"another policy", bound,
			commands.Resume{EnvironmentFingerprint: env, PolicyDigest: two, PolicyRef: "policy v2", Identity: "agent_7"},
			facts{
				policy: two, was: one, ref: "policy v2", wasRef: "policy v1", changed: true, identity: "agent_7", expected: env, actual: env,
				reasonCode: "resumed_with_policy_transition", jobPolicy: two.String(), jobRef: "policy v2", jobIdentity: "agent_7",
			},
		},
		{
			"another policy of the same name", bound,
			commands.Resume{EnvironmentFingerprint: env, PolicyDigest: two},
			facts{
				policy: two, was: one, ref: "policy v1", wasRef: "policy v1", changed: true, identity: "agent_7", expected: env, actual: env,
				reasonCode: "resumed_with_policy_transition", jobPolicy: two.String(), jobRef: "policy v1", jobIdentity: "agent_7",
			},
		},
		{
			"another environment", plain,
			commands.Resume{EnvironmentFingerprint: "envfp:there", AllowEnvMismatch: true},
			facts{expected: env, actual: "envfp:there", reasonCode: "resumed_with_env_override"},
		},
		{
			"another environment and policy", bound,
			commands.Resume{EnvironmentFingerprint: "envfp:there", AllowEnvMismatch: true, PolicyDigest: two},
			facts{
				policy: two, was: one, ref: "policy v1", wasRef: "policy v1", changed: true, identity: "agent_7", expected: env, actual: "envfp:there",
				reasonCode: "resumed_with_env_override_policy_transition", jobPolicy: two.String(), jobRef: "policy v1", jobIdentity: "agent_7",
			},
		},
		{
			"override that is not needed", plain,
			commands.Resume{EnvironmentFingerprint: env, AllowEnvMismatch: true},
			facts{expected: env, actual: env, reasonCode: "resumed"},
		},
		{
			"a first policy and identity", plain,
			commands.Resume{EnvironmentFingerprint: env, Identity: "agent_8", PolicyDigest: two, PolicyRef: "policy v2"},
			facts{
				policy: two, ref: "policy v2", identity: "agent_8", expected: env, actual: env, reasonCode: "resumed",
				jobPolicy: two.String(), jobRef: "policy v2", jobIdentity: "agent_8",
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t)
			b.must(by("boss", tt.submit), pause())
			result := b.must(commands.Request{Actor: "worker_1", Reason: "go on", Command: tt.resume})
			p, j := result.Event.Payload().(ledger.Resumed), result.Job
			got := facts{
				policy: p.CurrentPolicyDigest, was: p.PreviousPolicyDigest, ref: p.CurrentPolicyRef, wasRef: p.PreviousPolicyRef,
				changed: p.PolicyChanged, identity: p.Identity, expected: p.ExpectedFingerprint, actual: p.ActualFingerprint,
				reasonCode: string(j.ReasonCode), jobPolicy: j.PolicyDigest.OrEmpty(), jobRef: j.PolicyRef, jobIdentity: j.Identity,
			}
			if diff := cmp.Diff(tt.want, got, cmp.AllowUnexported(facts{})); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if p.Reason != "go on" || j.EnvironmentFingerprint != env || j.Status != projection.Running || j.StopReason != projection.StopNone {
				t.Errorf("reason %q, environment %s, status %s, stop reason %s", p.Reason, j.EnvironmentFingerprint, j.Status, j.StopReason)
			}
			if view := projection.EventViewOf(result.Event); view.ReasonCode != tt.want.reasonCode {
				t.Errorf("reason code of the event's view = %s, want %s", view.ReasonCode, tt.want.reasonCode)
			}
		})
	}
}

func TestResumeIsRefused(t *testing.T) {
	bound := commands.Submit{EnvironmentFingerprint: env, ProducerVersion: "gait/test", Identity: "agent_7", PolicyDigest: one, PolicyRef: "policy v1"}
	byRef := commands.Submit{EnvironmentFingerprint: env, ProducerVersion: "gait/test", PolicyRef: "policy v1"}
	plain := commands.Submit{EnvironmentFingerprint: env, ProducerVersion: "gait/test"}
	tests := []struct {
		name   string
		submit commands.Submit
		resume commands.Resume
		reason string
		code   projection.RefusalCode
	}{
		{"no policy", bound, commands.Resume{EnvironmentFingerprint: env}, "", projection.PolicyRequired},
		{"a name is no policy", bound, commands.Resume{EnvironmentFingerprint: env, PolicyRef: "policy v1"}, "", projection.PolicyRequired},
		{"bound by name only", byRef, commands.Resume{EnvironmentFingerprint: env}, "", projection.PolicyRequired},
		{"another identity", bound, commands.Resume{EnvironmentFingerprint: env, PolicyDigest: one, Identity: "agent_8"}, "", projection.IdentityMismatch},
		{"another environment", plain, commands.Resume{EnvironmentFingerprint: "envfp:there"}, "", projection.EnvironmentMismatch},
		{"another environment, with a reason only", plain, commands.Resume{EnvironmentFingerprint: "envfp:there"}, "moved", projection.EnvironmentMismatch},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t)
			b.must(by("boss", tt.submit), pause())
			b.refused(commands.Request{Actor: "worker_1", Reason: tt.reason, Command: tt.resume}, tt.code, 3)
			b.must(commands.Request{Actor: "worker_1", Reason: "moved", Command: commands.Resume{
				EnvironmentFingerprint: "envfp:there",
				AllowEnvMismatch:       true, PolicyDigest: one,
			}})
		})
	}
}

// The next resume is compared with what this one changed.
func TestResumeBinds(t *testing.T) {
	b := newBench(t)
	b.must(submit(), pause(), by("worker_1", commands.Resume{EnvironmentFingerprint: env, Identity: "agent_7", PolicyDigest: one}), pause())
	b.refused(resume(), projection.PolicyRequired, 3)
	b.refused(by("worker_1", commands.Resume{EnvironmentFingerprint: env, Identity: "agent_8", PolicyDigest: one}), projection.IdentityMismatch, 3)
	last := b.must(by("worker_1", commands.Resume{EnvironmentFingerprint: env, PolicyDigest: two}))
	if got := last.Job; got.Identity != "agent_7" || got.PolicyDigest != two {
		t.Errorf("job acts as %q under %s, want agent_7 under %s", got.Identity, got.PolicyDigest, two)
	}
}

// An approval does not stand in for a policy, nor a policy for an approval.
func TestResumeNeedsApprovalFirst(t *testing.T) {
	b := newBench(t)
	b.must(by("boss", commands.Submit{EnvironmentFingerprint: env, PolicyDigest: one, ProducerVersion: "gait/test"}), decision())
	b.refused(by("worker_1", commands.Resume{EnvironmentFingerprint: env, PolicyDigest: one}), projection.ApprovalRequired, 4)
	b.must(approve("reviewer"))
	b.refused(resume(), projection.PolicyRequired, 3)
	if got := b.job("job_1").UsableApprovals(projection.Basis{}); len(got) != 1 {
		t.Errorf("a refused resume left %d approvals, want 1", len(got))
	}
	b.must(by("worker_1", commands.Resume{EnvironmentFingerprint: env, PolicyDigest: one}))
}
