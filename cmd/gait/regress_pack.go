package main

import (
	"bytes"
	"context"
	"fmt"
	"os"

	"gait/commands/connect"
	"gait/ledger"
	"gait/packspec"
)

// maxPackInMemory is how large a pack may be that regress reads.
const maxPackInMemory = 64 << 20

// packFor reads the pack of a job, or builds it, and verifies it. given names the
// only key to trust, if one was given.
func packFor(ctx context.Context, a *app, from, given string, trusted []packspec.TrustedKey) (pack []byte, report packspec.Report, err error) {
	name := packAt(from)
	if info, statErr := os.Stat(name); name == fromStdin || statErr == nil && !info.IsDir() {
		pack, err = a.readFile(name, maxPackInMemory)
	} else {
		pack, err = builtPack(ctx, a, from)
	}
	if err != nil {
		return nil, report, err
	}
	if report, err = verifiedPack(a, from, given, pack, trusted); err != nil {
		return nil, report, err
	}
	if report.PackType != packspec.TypeJob || report.Format != "" {
		err = &usageError{code: "invalid_type", text: from + " is not a job's pack with its evidence", hint: "gait pack build --from JOB"}
	}
	return pack, report, err
}

// verifiedPack verifies the pack in the file name. given names the only key to
// trust, if one was given.
func verifiedPack(a *app, name, given string, pack []byte, trusted []packspec.TrustedKey) (packspec.Report, error) {
	report, err := packspec.Verify(bytes.NewReader(pack), int64(len(pack)), packspec.Options{Trusted: trusted})
	if err == nil && !report.Verified {
		err = notVerified(name, given, report)
	}
	return report, err
}

func builtPack(ctx context.Context, a *app, job string) ([]byte, error) {
	if ledger.FieldJobID.Check(job) != nil {
		return nil, &usageError{code: "file_not_found", text: fmt.Sprintf("%.120q is neither a file nor a job's id", job), hint: "gait job list shows the jobs there are"}
	}
	a.about(job)
	var b packspec.Buffer
	err := a.packIn(ctx, "", func(r *connect.Ledger) error {
		if _, err := findJob(ctx, r.Log, job); err != nil {
			return err
		}
		signer, err := r.PackSigner()
		if err != nil {
			return err
		}
		_, err = packspec.BuildJob(ctx, &b, r.Log, job, signer, packspec.JobOptions{})
		return err
	})
	return b.Bytes(), err
}
