package projection

import "strconv"

// The lines of a replay's lists are written without reflection: there is one or
// more for each event. Each type appends what Canonical returns of it, keys in
// order; a property test holds them to that.

func (v EventView) appendLine(b []byte) []byte {
	b = appendText(append(b, '{'), "actor", v.Actor)
	b = appendText(b, "created_at", v.CreatedAt)
	b = appendText(b, "job_id", v.JobID)
	b = append(appendKey(b, "payload"), v.Payload...)
	b = appendText(b, "reason_code", v.ReasonCode)
	b = strconv.AppendInt(appendKey(b, "revision"), v.Revision, 10)
	b = appendText(b, "schema_id", v.SchemaID)
	b = appendText(b, "schema_version", v.SchemaVersion)
	b = appendText(b, "type", string(v.Type))
	return append(b, "}\n"...)
}

func (c Checkpoint) appendLine(b []byte) []byte { return append(c.appendTo(b), '\n') }

func (a Approval) appendLine(b []byte) []byte {
	b = appendText(append(b, '{'), "actor", a.Actor)
	b = appendSome(b, "checkpoint_id", a.CheckpointID)
	b = appendTrue(b, "claimed", a.Claimed)
	b = appendText(b, "created_at", a.CreatedAt)
	b = appendText(b, "reason", a.Reason)
	b = appendSome(b, "target", a.Target)
	b = appendText(b, "verdict", string(a.Verdict))
	return append(b, "}\n"...)
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
