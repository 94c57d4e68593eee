package packspec

import (
	"fmt"

	"gait/ledger"
	"gait/ledger/jcs"
	"gait/packspec/container"
	"gait/packspec/finding"
)

// A ledgerVerifier is the part that the verifiers of gait's own packs share: the
// container, the ledger's keys, and what they sign.
type ledgerVerifier struct {
	base
	size    int64
	pack    *Pack
	openErr error // why pack is nil

	evidence     Evidence
	created      ledger.Event // event 0
	createdProof ledger.Proof

	checkpoint      []byte // with its signatures
	checkpointEntry string // the entry that holds it

	keys      ledger.Keyring     // from event 0 on
	rotations []ledger.Rotation  // that lead from each key to the next
	keysErr   error              // a *finding.Failure, if the keys do not follow from each other
	key       ledger.VerifierKey // the one in force
	signed    bool               // whether a key that the caller trusts signed

	actorCheck *actorCheck

	count int64 // of events read
	last  ledger.Event

	memory JobMemory        // nil: the caller remembers nothing
	forked *finding.Failure // for the first fact that contradicts what is remembered

	forkedJob string // the job of that fact; "": the ledger
}

func (v *ledgerVerifier) container() (string, error) {
	if v.openErr != nil {
		return "", v.openErr
	}
	p := v.pack
	v.report.PackType, v.report.PackID, v.report.JobID = p.manifest.PackType, p.manifest.PackID, p.manifest.SourceRef
	return fmt.Sprintf("%d entries in %d bytes, as the manifest lists them", len(p.entries), v.size), nil
}

// checkText requires VERIFY.md to be the text of the format.
func (v *ledgerVerifier) checkText(want []byte) error {
	c := &comparer{in: v.pack.section(entryVerify), level: finding.LevelCanonical, code: finding.CodeNotCanonical, name: entryVerify, what: "not the text of this format"}
	if _, err := c.Write(want); err != nil {
		return err
	}
	return c.finish()
}

func (v *ledgerVerifier) readCreated() error {
	b, err := v.pack.read(entryCreated)
	if err != nil {
		return err
	}
	v.created, err = ledger.Interpret(b)
	return finding.NotCanonical(entryCreated, err)
}

func (v *ledgerVerifier) readProof(name string) (ledger.Proof, error) {
	b, err := v.pack.read(name)
	if err != nil {
		return ledger.Proof{}, err
	}
	p, err := ledger.ParseProof(b)
	return p, finding.NotCanonical(name, err)
}

// checkManifest rebuilds the manifest, except its signatures, and compares it. last is
// the pack's last event.
func (v *ledgerVerifier) checkManifest(ref string, last ledger.Event) error {
	m, err := container.NewManifest(v.pack.manifest.PackType, ref, ledger.FormatTime(last.Time()), listed(v.pack.entries))
	if err != nil {
		return err
	}
	m.Signatures = v.pack.manifest.Signatures
	b, err := jcs.Marshal(m)
	if err != nil {
		return err
	}
	c := v.compare(container.ManifestEntry)
	if _, err := c.Write(b); err != nil {
		return err
	}
	return c.finish()
}
