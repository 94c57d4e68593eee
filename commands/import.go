package commands

import (
	"encoding/json"

	"gait/ledger"
	"gait/projection"
)

// Import takes a job over that was kept elsewhere, as its first event. What it
// says of the job is a claim; its Reason is the request's.
type Import struct{ Claim ledger.Imported }

// maxClaim leaves room in an event for the envelope and a reason.
const maxClaim = ledger.MaxEventSize - 4<<10

// Verb returns "import".
func (Import) Verb() string { return "import" }

// MarshalJSON gives what makes two imports the same command: the pack. Whose
// keys the importer trusts in the meantime is not part of it.
func (c Import) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		PackSHA256 ledger.Hash `json:"pack_sha256"`
	}{c.Claim.PackSHA256})
}

func (c Import) check() error {
	b, err := ledger.EncodePayload(c.Claim)
	if err != nil {
		return err
	}
	if len(b) > maxClaim {
		return &TooLargeError{Size: len(b), Most: maxClaim}
	}
	return nil
}

func (c Import) decide(j projection.Job, by Request) (ledger.Payload, *projection.Refusal) {
	p := c.Claim
	p.Reason = by.Reason
	return propose(j, by, p)
}

func (Import) summary(projection.Job) string { return "" }

// begins reports whether a command is the first of its job.
func begins(c Command) bool {
	_, submit := c.(Submit)
	_, imports := c.(Import)
	return submit || imports
}
