package main

import (
	"context"
	"fmt"

	"gait/commands/connect"
	"gait/ledger"
)

// oneDigest reads the digest that is the one argument, or that --digest gives.
func oneDigest(flag string, args []string) (ledger.Hash, error) {
	text := flag
	switch {
	case len(args) > 1 || len(args) == 1 && flag != "":
		return ledger.Hash{}, &usageError{code: "invalid_usage", text: "one digest is enough", hint: helpHint}
	case len(args) == 1:
		text = args[0]
	case flag == "":
		return ledger.Hash{}, &usageError{code: "invalid_usage", text: "which content? its digest is missing", hint: "gait content list shows the digests"}
	}
	digest, err := ledger.ParseHash(text)
	if err != nil {
		return digest, &usageError{code: "invalid_digest", text: fmt.Sprintf("%.80q is not a digest of 64 digits from 0 to f", text), hint: "gait content list shows the digests"}
	}
	return digest, nil
}

// jobsNaming reads the whole ledger, and returns the jobs whose events name a digest, or
// any if it is zero, in the order in which they first do.
func jobsNaming(ctx context.Context, l *connect.Ledger, digest ledger.Hash) ([]string, error) {
	var jobs []string
	seen := map[string]bool{}
	for e, err := range l.Log.Events(ctx, 0) {
		if err != nil {
			return nil, err
		}
		for _, c := range ledger.JobContents(e.Payload()) {
			if !seen[e.JobID()] && (digest.IsZero() || c.Digest == digest) {
				seen[e.JobID()] = true
				jobs = append(jobs, e.JobID())
			}
		}
	}
	return jobs, nil
}
