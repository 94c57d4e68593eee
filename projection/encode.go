package projection

import (
	"fmt"
	"strconv"

	"gait/ledger"
)

// A job's view is written without reflection: there is one for each job in a
// batch. Each type appends what Canonical returns of it, keys in order; a
// property test holds them to that.

// appendTo appends what a cache keeps of a job.
func (c cached) appendTo(b []byte) ([]byte, error) {
	b, err := c.Job.appendTo(appendKey(append(b, '{'), "job"))
	if err != nil {
		return nil, err
	}
	b = appendHash(b, "leaf", c.Leaf)
	return append(appendInt(b, "version", int64(c.Version)), '}'), nil
}

func (j Job) appendTo(b []byte) ([]byte, error) {
	if !j.countable() {
		return nil, fmt.Errorf("encoding job %s: a number is not an integer up to 2^53-1", j.ID)
	}
	b = appendInt(append(b, '{'), "approval_count", j.Approvals)
	b = appendInt(b, "checkpoint_count", j.Checkpoints)
	b = appendText(b, "created_at", j.Created)
	b = appendList(b, "decisions", j.Decisions, Ask.appendTo)
	b = appendText(b, "environment_fingerprint", j.EnvironmentFingerprint)
	b = appendSome(b, "identity", j.Identity)
	if j.Imported != nil { // seldom
		imported, err := Canonical(j.Imported)
		if err != nil {
			return nil, err
		}
		b = append(appendKey(b, "imported"), imported...)
	}
	b = appendText(b, "job_id", j.ID)
	b = appendInt(b, "job_seq", j.JobSeq)
	b = appendList(b, "labels", j.Labels, appendLabel)
	b = appendThere(b, "last_checkpoint", j.LastCheckpoint, Checkpoint.appendTo)
	b = appendThere(b, "last_refusal", j.LastRefusal, LastRefusal.appendTo)
	b = appendSome(b, "policy_digest", j.PolicyDigest)
	b = appendSome(b, "policy_ref", j.PolicyRef)
	b = appendText(b, "producer_version", j.ProducerVersion)
	b = appendInt(b, "refusal_count", j.Refusals)
	b = appendInt(b, "revision", j.Revision)
	b = appendText(b, "status", string(j.Status))
	b = appendText(b, "status_reason_code", j.ReasonCode)
	b = appendThere(b, "stop", j.Stop, Ask.appendTo)
	b = appendText(b, "stop_reason", j.StopReason)
	b = appendText(b, "updated_at", j.Updated)
	return append(b, '}'), nil
}

// countable reports whether the numbers of a job are such as Canonical writes.
func (j Job) countable() bool {
	const most = 1<<53 - 1
	fits := func(all ...int64) bool {
		for _, n := range all {
			if n > most || n < -most {
				return false
			}
		}
		return true
	}
	ok := fits(j.Revision, j.JobSeq, j.Checkpoints, j.Approvals, j.Refusals)
	for _, a := range j.Decisions {
		ok = ok && fits(a.JobSeq, a.VerdictSeq)
	}
	if j.Stop != nil {
		ok = ok && fits(j.Stop.JobSeq, j.Stop.VerdictSeq)
	}
	return ok && (j.LastRefusal == nil || fits(j.LastRefusal.Exit))
}

func (c Checkpoint) appendTo(b []byte) []byte {
	b = appendSome(append(b, '{'), "actor", c.Actor)
	b = appendText(b, "checkpoint_id", c.ID)
	b = appendTrue(b, "claimed", c.Claimed)
	b = appendText(b, "created_at", c.Created)
	b = appendText(b, "reason_code", c.ReasonCode)
	b = appendSome(b, "required_action", c.RequiredAction)
	b = appendText(b, "summary", c.Summary)
	b = appendText(b, "type", c.Type)
	return append(b, '}')
}

func (a Ask) appendTo(b []byte) []byte {
	b = appendText(append(b, '{'), "actor", a.Actor)
	b = appendSome(b, "checkpoint_id", a.CheckpointID)
	b = appendTrue(b, "claimed", a.Claimed)
	b = appendText(b, "created_at", a.Created)
	b = appendInt(b, "job_seq", a.JobSeq)
	b = appendText(b, "kind", a.Kind)
	b = appendSome(b, "required_action", a.RequiredAction)
	b = appendSome(b, "summary", a.Summary)
	b = appendHash(b, "target", a.Target)
	b = appendSome(b, "verdict", string(a.Verdict))
	b = appendSome(b, "verdict_by", a.VerdictBy)
	b = appendHash(b, "verdict_leaf", a.VerdictLeaf)
	if a.VerdictSeq != 0 {
		b = appendInt(b, "verdict_seq", a.VerdictSeq)
	}
	return append(b, '}')
}

func (r LastRefusal) appendTo(b []byte) []byte {
	b = appendText(append(b, '{'), "actor", r.Actor)
	b = appendText(b, "command", r.Command)
	b = appendInt(b, "exit", r.Exit)
	b = appendSome(b, "reason", r.Reason)
	b = appendText(b, "refusal", r.Refusal)
	b = appendSome(b, "summary", r.Summary)
	return append(b, '}')
}

func appendLabel(l ledger.Label, b []byte) []byte {
	return append(appendText(appendText(append(b, '{'), "key", l.Key), "value", l.Value), '}')
}

// appendList leaves out a list that is empty.
func appendList[T any](b []byte, key string, all []T, one func(T, []byte) []byte) []byte {
	if len(all) == 0 {
		return b
	}
	b = append(appendKey(b, key), '[')
	for i, v := range all {
		if i > 0 {
			b = append(b, ',')
		}
		b = one(v, b)
	}
	return append(b, ']')
}

// appendThere leaves out what is not there.
func appendThere[T any](b []byte, key string, v *T, one func(T, []byte) []byte) []byte {
	if v == nil {
		return b
	}
	return one(*v, appendKey(b, key))
}

func appendInt(b []byte, key string, n int64) []byte {
	return strconv.AppendInt(appendKey(b, key), n, 10)
}

// appendHash writes the zero hash as an empty text.
func appendHash(b []byte, key string, h ledger.Hash) []byte {
	if h.IsZero() {
		return appendText(b, key, "")
	}
	return appendText(b, key, h.String())
}
