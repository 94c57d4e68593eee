package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"

	"gait/ledger"
	"gait/packspec"
	"gait/packspec/finding"
)

// A packFile fails to read once the user has interrupted the work.
type packFile struct {
	*os.File
	app *app
}

func (f packFile) ReadAt(b []byte, at int64) (int, error) {
	if err := f.app.interrupted(); err != nil {
		return 0, err
	}
	return f.File.ReadAt(b, at)
}

// maxSpool is how much of a pack is read from a pipe, or from standard input, into a
// temporary file: a pack is below 4 GiB.
const maxSpool = 1<<32 - 1

// openPack opens a pack. Its parts are not read in order, so what a pipe or standard
// input gives is kept in a temporary file.
func openPack(a *app, name string) (packFile, int64, error) {
	file, size, text, err := openProof(a, name)
	if err == nil && text != nil {
		file.Close()
		return packFile{}, 0, &usageError{code: "invalid_usage", text: name + " is a trace of one decision, and no pack", hint: "gait pack verify " + quoted(name)}
	}
	return file, size, err
}

// openProof is openPack for a pack or a trace, whose text it returns, too.
func openProof(a *app, name string) (file packFile, size int64, trace []byte, err error) {
	in, err := a.openInput(packAt(name), maxPipeWait)
	if err != nil {
		return packFile{}, 0, nil, err
	}
	file, size, err = seekablePack(a, in)
	if err == nil {
		trace, err = traceIn(file, size, name)
	}
	if err != nil && file.File != nil {
		file.Close()
	}
	return file, size, trace, err
}

// traceIn returns the text of a file that is a trace, or nil. It fails if a file that is to be
// a pack or a trace is an index proof, which another command checks.
func traceIn(file io.ReaderAt, size int64, name string) ([]byte, error) {
	text := make([]byte, min(size, max(packspec.MaxIndexProofSize, packspec.MaxTraceSize)+1))
	if n, err := file.ReadAt(text[:min(1, len(text))], 0); n == 0 || text[0] != '{' {
		return nil, ignoreEOF(err)
	}
	if _, err := file.ReadAt(text, 0); ignoreEOF(err) != nil {
		return nil, err
	}
	switch {
	case bytes.Contains(text, []byte(`"schema_id":"`+packspec.TraceSchemaID+`"`)):
		return text, nil
	case bytes.Contains(text, []byte(`"schema_id":"`+packspec.IndexProofSchemaID+`"`)):
		return nil, &usageError{code: "invalid_usage", text: name + " is an index proof, and no pack", hint: "gait ledger prove --check " + quoted(name)}
	}
	return nil, nil
}

// ignoreEOF returns an error of reading, or nil if it only says that a file has ended.
func ignoreEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// seekablePack returns the pack in an input, which it closes or, if it is a regular file, hands on.
func seekablePack(a *app, in *input) (packFile, int64, error) {
	if in.file != nil {
		info, err := in.file.Stat()
		if err != nil || info.Mode().IsRegular() {
			return packFile{in.file, a}, info.Size(), err
		}
	}
	defer in.close()
	file, err := spool()
	if err != nil {
		return packFile{}, 0, fmt.Errorf("keeping %s in a temporary file: %w", in.name, err)
	}
	size, err := io.Copy(file, io.LimitReader(in, maxSpool+1))
	switch {
	case err != nil:
		err = in.failed(err)
	case size > maxSpool:
		err = in.tooLarge(maxSpool)
	case size == 0:
		err = in.empty()
	default:
		return packFile{file, a}, size, nil
	}
	file.Close()
	return packFile{}, 0, err
}

// verifyPack verifies a pack, compares it with what was seen of its jobs, and remembers
// it.
func verifyPack(a *app, file packFile, size int64, o packspec.Options) (packspec.Report, error) {
	memory, err := memoryOf(a)
	if err != nil {
		return packspec.Report{}, err
	}
	return memory.VerifyPack(file, size, o)
}

// A verifyError says that a pack does not verify, with the whole report.
type verifyError struct {
	packError
	path   string
	report packspec.Report
}

// Unwrap returns what classifies the error.
func (e *verifyError) Unwrap() error { return &e.packError }

func (e *verifyError) fields() object {
	fields := object{"path": e.path, "report": e.report}
	if e.report.Evidence != nil {
		fields["evidence"] = e.report.Evidence
	}
	return fields
}

// notVerified returns the error for a pack that does not verify.
func notVerified(path, given string, report packspec.Report) *verifyError {
	e := &verifyError{path: path, report: report}
	e.code, e.text, e.hint = report.Failure.Code, fmt.Sprintf("%s does not verify: %s", path, report.Failure.Reason), "do not rely on it; ask its sender for another"
	switch {
	case report.Failure.Level == levelAttestation:
		e.hint = attestationHint
	case e.code == finding.CodeConflict:
		e.hint = "keep both signed checkpoints: together they show that the history was changed"
	case e.code == finding.CodeForked && report.PastEnd:
		e.hint = pastEndHint
	case e.code == finding.CodeForked && report.Kept != "":
		e.hint = "tell those who rely on this ledger, and keep both files: what is known of the first, and a copy of this one, are in " + report.Kept
	case e.code == finding.CodeForked:
		e.hint = "tell those who rely on this ledger, and keep both files"
	case e.code == finding.CodePolicy && report.Format == packspec.FormatV1:
		e.hint = "a PackSpec v1 pack has no checkpoint that anybody could cosign; leave --policy out, and know what that pack cannot show"
	case e.code == finding.CodeIncomplete && report.Format != packspec.FormatV1 && report.Commitment == nil:
		e.hint = "ask its sender to build it again, with a commitment to the ledger's index, there: gait pack build, or gait ledger cosign first if the ledger is cosigned"
	case e.code == finding.CodePolicy:
		e.hint = "ask its sender to have the ledger cosigned and to build it again, there: gait ledger cosign, gait pack build"
	}
	if e.code == finding.CodeUntrustedKey && report.Key == "" && given == "" {
		e.hint = "the pack names its key by the SHA-256 of the key's bytes only; with the key itself, as PEM or OpenSSH has it: gait pack verify " + quoted(path) + " --public-key FILE"
	} else if e.code == finding.CodeUntrustedKey && report.Failure.Reason == packspec.SinceDistrusted {
		e.hint = distrustedHint
	} else if e.code == finding.CodeUntrustedKey {
		e.hint = untrustedHint(given, cmp.Or(report.Key, report.KeyID))
	}
	return e
}

// A packError says that a pack does not verify.
type packError struct{ code, text, hint string }

func (e *packError) Error() string { return e.text }

// Fault returns that of failed verification, by the error's code.
func (e *packError) Fault() ledger.Fault {
	return ledger.Fault{Code: e.code, Category: ledger.CategoryVerification}
}

func (e *packError) nextStep() string { return e.hint }
