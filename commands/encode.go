package commands

import (
	"bytes"
	"encoding/json"
	"fmt"

	"gait/ledger"
	"gait/ledger/jcs"
)

// Encode returns the one canonical text of a request: its Message as canonical
// JSON (RFC 8785), with the labels of a job sorted by key. It fails with an
// *InvalidError if the request is not well formed.
//
//	{"actor":"worker_1","arguments":{},"job_id":"job_1","reason":"lunch","verb":"pause"}
func Encode(r Request) ([]byte, error) {
	if err := r.Check(); err != nil {
		return nil, err
	}
	m, err := r.Message()
	if err != nil {
		return nil, err
	}
	b, err := jcs.Marshal(m)
	if err != nil {
		return nil, &InvalidError{Err: err}
	}
	return b, nil
}

// Parse reads what Encode writes, and nothing else. It fails with an
// *InvalidError. The caller bounds the length of b.
func Parse(b []byte) (Request, error) {
	var m Message
	if err := json.Unmarshal(b, &m); err != nil {
		return Request{}, &InvalidError{Err: fmt.Errorf("%w: %w", ledger.ErrMalformed, err)}
	}
	r, err := m.Request()
	if err != nil {
		return Request{}, err
	}
	again, err := Encode(r)
	if err != nil {
		return Request{}, err
	}
	if !bytes.Equal(again, b) {
		return Request{}, &InvalidError{Err: fmt.Errorf("%w: a command that is not in canonical form", ledger.ErrMalformed)}
	}
	return r, nil
}
