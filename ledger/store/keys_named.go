package store

import (
	"encoding/binary"
	"fmt"

	"gait/ledger"
)

// rowName says in words what a key names.
func rowName(k []byte) string {
	if len(k) == 0 {
		return "a row without a key"
	}
	id := string(k[1:])
	seq, isSeq := decodeSeq(k[1:])
	switch k[0] {
	case prefixAuthority:
		if isSeq {
			return fmt.Sprintf("the authority event %d", seq)
		}
	case prefixEvent:
		if isSeq {
			return fmt.Sprintf("event %d", seq)
		}
	case prefixRotation:
		if isSeq {
			return fmt.Sprintf("the rotation at event %d", seq)
		}
	case prefixHead:
		return fmt.Sprintf("the head of job %q", id)
	case prefixView:
		return fmt.Sprintf("the view of job %q", id)
	case prefixRequest:
		return fmt.Sprintf("request id %q", id)
	case prefixIndex:
		if job, jobSeq, ok := parseIndexKey(k); ok {
			return fmt.Sprintf("event %d of job %q", jobSeq, job)
		}
	case prefixCall:
		if call, ok := parseCallKey(k); ok {
			return fmt.Sprintf("call %q of job %q", call.Call, call.Job)
		}
	case prefixNumber:
		return fmt.Sprintf("the number of job %q", id)
	case prefixTags:
		if len(k) == 10 {
			return fmt.Sprintf("tags %d of kind %d", binary.BigEndian.Uint64(k[2:]), k[1])
		}
	case prefixTile, prefixPartial:
		if level, n, ok := parseRowKey(k); ok {
			return fmt.Sprintf("tile %d of level %d", n, level)
		}
	}
	return fmt.Sprintf("key %.80q", k)
}

// rowSaid says in words what a row that should hold the number of an event holds.
func rowSaid(b []byte) string {
	seq, ok := decodeSeq(b)
	switch {
	case b == nil:
		return "nothing"
	case ok:
		return fmt.Sprintf("event %d", seq)
	}
	return fmt.Sprintf("%.80q", b)
}

// lost returns the error of a row that is missing and that Rebuild writes again.
func lost(key []byte, seq ledger.Seq) error {
	return mismatch(seq, "expected the row of %s to name the event, found nothing", rowName(key))
}
