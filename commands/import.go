package commands

import (
	"crypto/sha256"
	"encoding/json"

	"gait/ledger"
	"gait/ledger/jcs"
	"gait/projection"
)

// Import takes a job over that was kept elsewhere, as its first event. What it
// says of the job is a claim; its Reason is the request's.
type Import struct {
	Claim ledger.Imported

	// ClaimSHA256 is the digest of the claim that a signed command has, if of the claim
	// itself no more than the pack's digest is known. Otherwise it is zero.
	ClaimSHA256 ledger.Hash
}

// maxClaim leaves room in an event for the envelope and a reason.
const maxClaim = ledger.MaxEventSize - 4<<10

var importRow = add(verb[Import]{
	Row:          Row{Verb: "import", BeginsJob: true, Roles: []ledger.Role{ledger.RoleOperator}},
	check:        Import.check,
	digested:     Import.digested,
	encode:       Import.encode,
	decode:       decodeImport,
	encodeSigned: Import.encodeSigned,
	decodeSigned: decodeSignedImport,
	decide:       Import.decide,
})

// Verb returns "import".
func (Import) Verb() string { return importRow.Verb }

func (Import) row() *Row { return importRow }

// digested leaves out all of the claim but the pack's digest: it is the same
// command if the importer trusts other keys when it is sent again.
func (c Import) digested() any { return importArguments{c.Claim.PackSHA256} }

// An importArguments is what of an import's arguments is digested.
type importArguments struct {
	PackSHA256 ledger.Hash `json:"pack_sha256"`
}

// A signedImport is what of an import's arguments is signed: the whole claim, by its digest.
type signedImport struct {
	ClaimSHA256 ledger.Hash `json:"claim_sha256"` // of the payload without its reason
	PackSHA256  ledger.Hash `json:"pack_sha256"`
}

func (c Import) encodeSigned() (json.RawMessage, error) {
	if c.ClaimSHA256.IsZero() {
		claim := c.Claim
		claim.Reason = "" // the request has it
		b, err := ledger.EncodePayload(claim)
		if err != nil {
			return nil, err
		}
		c.ClaimSHA256 = sha256.Sum256(b)
	}
	return jcs.Marshal(signedImport{c.ClaimSHA256, c.Claim.PackSHA256})
}

func decodeSignedImport(b json.RawMessage) (c Import, err error) {
	arguments, err := decodeObject[signedImport](b)
	c.Claim.PackSHA256, c.ClaimSHA256 = arguments.PackSHA256, arguments.ClaimSHA256
	return c, err
}

// encode writes the arguments as the payload of an imported event.
func (c Import) encode() (json.RawMessage, error) { return ledger.EncodePayload(c.Claim) }

func decodeImport(b json.RawMessage) (Import, error) {
	p, err := ledger.DecodePayload(ledger.TypeImported, b)
	claim, _ := p.(ledger.Imported)
	return Import{Claim: claim}, err
}

func (c Import) check(Request) error {
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
