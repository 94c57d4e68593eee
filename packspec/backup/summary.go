package backup

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"gait/ledger"
	"gait/ledger/jcs"
)

// The entries of a backup.
const (
	entrySummary = "backup.json"
	entryKey     = "private_key.pem"
	dirContent   = "content/"
	dirLedger    = "ledger/"
)

const (
	schemaID      = "gait.ledger.backup"
	schemaVersion = "1.0.0"
	schemaJobs    = "1.1.0" // of a backup that has content of jobs
	maxSummary    = 2 << 20 // 16 notes of the largest size, as JSON
)

// A Summary says what a backup is of.
type Summary struct {
	ledger.Checkpoint
	Key      ledger.VerifierKey          // the key in force
	AsOf     time.Time                   // of the last event
	Cosigned []ledger.CosignedCheckpoint // what witnesses have cosigned
	WithKey  bool                        // the private key is there, sealed
	Contents int                         // how many contents it has
	OfJobs   bool                        // it may have content of jobs, and their secrets
	Bytes    int64                       // of the file
}

// A summary is a Summary as it is written: one line of JSON.
type summary struct {
	AsOf     string          `json:"as_of"`
	Cosigned []cosignature   `json:"cosigned"`
	Origin   string          `json:"origin"`
	Key      string          `json:"public_key"`
	Root     ledger.Hash     `json:"root"`
	SchemaID string          `json:"schema_id"`
	Version  string          `json:"schema_version"`
	Size     json.RawMessage `json:"size"`
}

type cosignature struct {
	Note    string `json:"note"`
	Witness string `json:"witness"` // its key
}

func (s Summary) encode() ([]byte, error) {
	w := summary{
		AsOf: ledger.FormatTime(s.AsOf), Cosigned: []cosignature{}, Origin: s.Origin, Key: s.Key.String(), Root: s.Root,
		SchemaID: schemaID, Version: schemaVersion, Size: fmt.Append(nil, s.Size),
	}
	if s.OfJobs {
		w.Version = schemaJobs
	}
	for _, c := range s.Cosigned {
		w.Cosigned = append(w.Cosigned, cosignature{Note: string(c.Signed), Witness: c.Key.String()})
	}
	b, err := jcs.Marshal(w)
	return append(b, '\n'), err
}

// decodeSummary reads what encode writes. Of what witnesses cosigned, it verifies the
// cosignatures, not whose checkpoints they are of.
func decodeSummary(b []byte) (Summary, error) {
	var w summary
	if err := json.Unmarshal(b, &w); err != nil || w.SchemaID != schemaID {
		return Summary{}, malformed("%s is no summary of one", entrySummary)
	}
	if w.Version != schemaVersion && w.Version != schemaJobs {
		return Summary{}, fmt.Errorf("a backup of version %.20q: %w", w.Version, ledger.ErrUnsupportedVersion)
	}
	s := Summary{Checkpoint: ledger.Checkpoint{Origin: w.Origin, Root: w.Root}, OfJobs: w.Version == schemaJobs}
	err := json.Unmarshal(w.Size, &s.Size)
	if err == nil {
		s.AsOf, err = ledger.ParseTime(w.AsOf)
	}
	if err == nil {
		s.Key, err = ledger.ParseVerifierKey(w.Key)
	}
	if err != nil {
		return Summary{}, malformed("%s: %v", entrySummary, err)
	}
	if n := len(w.Cosigned); n > ledger.MaxCosigned {
		return Summary{}, malformed("%s has %d cosignatures, at most %d", entrySummary, n, ledger.MaxCosigned)
	}
	once := map[string]bool{}
	for _, c := range w.Cosigned {
		if once[c.Witness] { // before any signature is verified
			return Summary{}, malformed("%s has two cosignatures of %.80q", entrySummary, c.Witness)
		}
		once[c.Witness] = true
		one, err := c.decode()
		if err != nil {
			return Summary{}, fmt.Errorf("reading what %.80q cosigned: %w", c.Witness, err)
		}
		s.Cosigned = append(s.Cosigned, one)
	}
	if again, err := s.encode(); err != nil || !bytes.Equal(again, b) {
		return Summary{}, malformed("%s is not in its one spelling", entrySummary)
	}
	return s, nil
}

func (c cosignature) decode() (one ledger.CosignedCheckpoint, err error) {
	key, err := ledger.ParseWitnessKey(c.Witness)
	if err != nil {
		return one, err
	}
	one.Signed = []byte(c.Note)
	if one.Checkpoint, err = ledger.PeekCheckpoint(one.Signed); err != nil {
		return one, err
	}
	by, err := ledger.Cosignatures(one.Signed, []ledger.WitnessKey{key})
	if err == nil && len(by) != 1 {
		err = fmt.Errorf("%w: it is not cosigned", ledger.ErrUnverified)
	}
	if err == nil {
		one.Cosignature = by[0]
	}
	return one, err
}
