package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"gait/ledger"
	"gait/packspec"
	"gait/packspec/attest"
	"gait/packspec/finding"
)

// levelAttestation is the level of a report that an attestation given with it adds.
const levelAttestation = "attestation"

// An attestPlan is the attestation of a pack that is built, and where it goes. A nil one says
// that none is asked for.
type attestPlan struct {
	job  string // of the pack; "" of a range
	at   outFile
	text []byte
	sum  ledger.Hash // of the pack's bytes
}

// attestBeside plans an attestation beside the file of a pack of a job or, if job is "", of a range.
func attestBeside(a *app, pack outFile, job string) (*attestPlan, error) {
	if !pack.regular() {
		return nil, &usageError{code: "invalid_usage", text: "--attest writes a file beside the pack, and " + pack.path + " is no file", hint: "name a file with --out"}
	}
	at, err := a.outFile("--attest", pack.path+attest.Suffix)
	if err != nil {
		return nil, err
	}
	if !at.regular() {
		return nil, &unsafeError{code: "would_overwrite", text: at.path + " is no file that can be replaced", hint: "choose another file with --out"}
	}
	return &attestPlan{job: job, at: at}, nil
}

// mayReplace refuses to overwrite any file except attestations of packs of the same job, or of
// ranges, of the ledger of this origin. Other tools add lines of their own to such a file.
func (p *attestPlan) mayReplace(origin string) error {
	if p == nil || !p.at.exists {
		return nil
	}
	no := &unsafeError{code: "would_overwrite", text: p.at.path + " has other lines than attestations of such a pack of this ledger", hint: "move it away, or choose another file with --out"}
	file, err := openNoWait(p.at.target)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("looking at %s: %w", p.at, err)
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, attest.MaxSize+1))
	if err != nil {
		return fmt.Errorf("looking at %s: %w", p.at, err)
	}
	if len(text) > attest.MaxSize {
		return no
	}
	for s := range attest.Statements(text) {
		if s == nil || s.Predicate.Origin != origin || s.Predicate.JobID != p.job {
			return no
		}
	}
	return nil
}

// make makes the attestation of a pack that was built into a file.
func (p *attestPlan) make(file io.ReaderAt, built packspec.BuiltPack, signer ledger.Signer) (err error) {
	if p == nil {
		return nil
	}
	if p.sum, err = digestOf(file, built.Size); err != nil {
		return fmt.Errorf("reading the pack that was built: %w", err)
	}
	p.text, err = attest.Pack(p.sum, attest.OfBuilt(built, p.job, signer.VerifierKey()), signer)
	return err
}

// deliver puts the attestation beside the pack, which is in its place, and says so in the output.
func (p *attestPlan) deliver(fields object) error {
	if p == nil {
		return nil
	}
	if err := p.at.write(p.text); err != nil {
		return fmt.Errorf("writing the attestation: %w", err)
	}
	fields["attestation"] = object{"path": p.at.path, "predicate_type": attest.PredicateType, "sha256": p.sum}
	return nil
}

// digestOf returns the SHA-256 of the first bytes of a file.
func digestOf(r io.ReaderAt, size int64) (digest ledger.Hash, err error) {
	h := sha256.New()
	n, err := io.Copy(h, io.NewSectionReader(r, 0, size))
	if err == nil && n != size {
		err = io.ErrUnexpectedEOF
	}
	h.Sum(digest[:0])
	return digest, err
}

// A givenAttestation is a file of attestations that a pack is to have one in.
type givenAttestation struct {
	path string
	text []byte
}

// readAttestation reads the file that --attestation names. It returns nil if it names none.
func readAttestation(a *app, path string) (*givenAttestation, error) {
	if path == "" {
		return nil, nil
	}
	text, err := a.readFile(path, attest.MaxSize)
	return &givenAttestation{path, text}, err
}

// check adds to the report of a pack whether an attestation of it is in the file. Nothing is
// said of a pack that does not verify.
func (g *givenAttestation) check(file io.ReaderAt, size int64, report *packspec.Report) error {
	if g == nil || !report.Verified {
		return nil
	}
	if report.Format == packspec.FormatV1 {
		return &usageError{code: "invalid_usage", text: "--attestation goes with a pack of gait's own format, and this is one of PackSpec v1", hint: "leave --attestation out"}
	}
	digest, err := digestOf(file, size)
	if err != nil {
		return err
	}
	found, err := attest.Check(g.text, digest, *report)
	no, mismatch := errors.AsType[*attest.MismatchError](err)
	if err != nil && !mismatch {
		return err
	}
	level := finding.Level{Name: levelAttestation, Status: finding.Proved}
	if !mismatch {
		level.Detail = "the pack's key has signed the SHA-256 of this file, as that of the pack " + found.Predicate.PackID
	} else {
		failure := finding.Failf(levelAttestation, no.Code, "", "%s", no.Error())
		failure.Expected, failure.Found = no.Expected, no.Found
		level.Status, level.Detail = finding.Failed, failure.Reason
		report.Failure, report.Verified = failure, false
	}
	report.Levels = append(report.Levels, level)
	return nil
}

// attestationHint says what to do about an attestation that does not hold for a pack.
const attestationHint = "ask the pack's sender for the attestation of this very file; without --attestation the pack is checked alone"
