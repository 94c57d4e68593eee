package projection

import (
	"strconv"

	"gait/ledger"
)

// What is written for each event, the lines of a replay's lists and the job that
// is kept beside it, is written without reflection. Each type appends what
// Canonical returns of it, keys in order; a property test holds them to that.

func (v EventView) appendJSON(b []byte) []byte {
	b = appendText(append(b, '{'), "actor", v.Actor)
	b = appendText(b, "created_at", v.CreatedAt)
	b = appendText(b, "job_id", v.JobID)
	b = append(appendKey(b, "payload"), v.Payload...)
	b = appendText(b, "reason_code", v.ReasonCode)
	b = appendInt(b, "revision", v.Revision)
	b = appendText(b, "schema_id", v.SchemaID)
	b = appendText(b, "schema_version", v.SchemaVersion)
	b = appendText(b, "type", string(v.Type))
	return append(b, '}')
}

func (c Checkpoint) appendJSON(b []byte) []byte {
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

func (a Approval) appendJSON(b []byte) []byte {
	b = appendText(append(b, '{'), "actor", a.Actor)
	b = appendSome(b, "checkpoint_id", a.CheckpointID)
	b = appendTrue(b, "claimed", a.Claimed)
	b = appendText(b, "created_at", a.CreatedAt)
	b = appendText(b, "reason", a.Reason)
	b = appendSome(b, "target", a.Target)
	b = appendText(b, "verdict", string(a.Verdict))
	return append(b, '}')
}

func (c cached) appendJSON(b []byte) []byte {
	b = c.Job.appendJSON(appendKey(append(b, '{'), "job"))
	b = appendText(b, "leaf", hashText(c.Leaf))
	b = appendInt(b, "version", int64(c.Version))
	return append(b, '}')
}

func (j Job) appendJSON(b []byte) []byte {
	b = appendInt(append(b, '{'), "approval_count", j.Approvals)
	b = appendInt(b, "checkpoint_count", j.Checkpoints)
	b = appendText(b, "created_at", j.Created)
	b = appendAll(b, "decisions", j.Decisions)
	b = appendText(b, "environment_fingerprint", j.EnvironmentFingerprint)
	b = appendSome(b, "identity", j.Identity)
	b = appendPart(b, "imported", j.Imported)
	b = appendText(b, "job_id", j.ID)
	b = appendInt(b, "job_seq", j.JobSeq)
	b = appendAll(b, "labels", labels(j.Labels))
	b = appendPart(b, "last_checkpoint", j.LastCheckpoint)
	b = appendPart(b, "last_refusal", j.LastRefusal)
	b = appendSome(b, "policy_digest", j.PolicyDigest)
	b = appendSome(b, "policy_ref", j.PolicyRef)
	b = appendText(b, "producer_version", j.ProducerVersion)
	b = appendInt(b, "refusal_count", j.Refusals)
	b = appendInt(b, "revision", j.Revision)
	b = appendText(b, "status", string(j.Status))
	b = appendText(b, "status_reason_code", j.ReasonCode)
	b = appendPart(b, "stop", j.Stop)
	b = appendText(b, "stop_reason", j.StopReason)
	b = appendText(b, "updated_at", j.Updated)
	return append(b, '}')
}

func (a Ask) appendJSON(b []byte) []byte {
	b = appendText(append(b, '{'), "actor", a.Actor)
	b = appendSome(b, "checkpoint_id", a.CheckpointID)
	b = appendTrue(b, "claimed", a.Claimed)
	b = appendText(b, "created_at", a.Created)
	b = appendInt(b, "job_seq", a.JobSeq)
	b = appendText(b, "kind", a.Kind)
	b = appendSome(b, "required_action", a.RequiredAction)
	b = appendSome(b, "summary", a.Summary)
	b = appendText(b, "target", hashText(a.Target))
	b = appendSome(b, "verdict", string(a.Verdict))
	b = appendSome(b, "verdict_by", a.VerdictBy)
	b = appendText(b, "verdict_leaf", hashText(a.VerdictLeaf))
	if a.VerdictSeq != 0 {
		b = appendInt(b, "verdict_seq", a.VerdictSeq)
	}
	return append(b, '}')
}

func (r LastRefusal) appendJSON(b []byte) []byte {
	b = appendText(append(b, '{'), "actor", r.Actor)
	b = appendText(b, "command", r.Command)
	b = appendInt(b, "exit", r.Exit)
	b = appendSome(b, "reason", r.Reason)
	b = appendText(b, "refusal", r.Refusal)
	b = appendSome(b, "summary", r.Summary)
	return append(b, '}')
}

func (i Import) appendJSON(b []byte) []byte {
	b = appendText(append(b, '{'), "actor", i.Actor)
	b = appendInt(b, "approval_count", i.Approvals)
	b = appendInt(b, "checkpoint_count", i.Checkpoints)
	b = appendText(b, "imported_at", i.ImportedAt)
	b = appendText(b, "pack_id", i.PackID)
	b = appendSome(b, "pack_key_id", i.PackKeyID)
	b = appendText(b, "pack_sha256", i.PackSHA256)
	b = strconv.AppendBool(appendKey(b, "pack_trusted"), i.PackTrusted)
	b = appendInt(b, "revision", i.Revision)
	b = appendText(b, "updated_at", i.UpdatedAt)
	return append(b, '}')
}

// A label is a ledger.Label that can be written.
type label ledger.Label

func labels(all []ledger.Label) []label {
	if len(all) == 0 {
		return nil
	}
	list := make([]label, len(all))
	for i, l := range all {
		list[i] = label(l)
	}
	return list
}

func (l label) appendJSON(b []byte) []byte {
	b = appendText(append(b, '{'), "key", l.Key)
	b = appendText(b, "value", l.Value)
	return append(b, '}')
}

// appender is what can be written without reflection.
type appender interface{ appendJSON([]byte) []byte }

// appendPart leaves out what is not there.
func appendPart[T appender](b []byte, key string, part *T) []byte {
	if part == nil {
		return b
	}
	return (*part).appendJSON(appendKey(b, key))
}

// appendAll leaves out a list that is empty.
func appendAll[T appender](b []byte, key string, list []T) []byte {
	if len(list) == 0 {
		return b
	}
	b = append(appendKey(b, key), '[')
	for i, element := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = element.appendJSON(b)
	}
	return append(b, ']')
}

// hashText is how JSON shows a hash; the zero hash is empty.
func hashText(h ledger.Hash) string {
	if h.IsZero() {
		return ""
	}
	return h.String()
}

// appendKey begins a field of the object at the end of b.
func appendKey(b []byte, key string) []byte {
	if b[len(b)-1] != '{' {
		b = append(b, ',')
	}
	b = append(append(b, '"'), key...)
	return append(b, `":`...)
}

func appendText(b []byte, key, value string) []byte { return appendString(appendKey(b, key), value) }

func appendInt(b []byte, key string, n int64) []byte {
	return strconv.AppendInt(appendKey(b, key), n, 10)
}

// appendSome leaves out what is empty.
func appendSome(b []byte, key, value string) []byte {
	if value == "" {
		return b
	}
	return appendText(b, key, value)
}

func appendTrue(b []byte, key string, value bool) []byte {
	if !value {
		return b
	}
	return append(appendKey(b, key), "true"...)
}
