package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"gait/commands/gate"
	"gait/ledger"
)

// boundFlags are the flags of submit and resume: what a job is bound to.
type boundFlags struct {
	identity, policyFile, policyDigest, policyRef, fingerprint string
}

func (b *boundFlags) add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&b.identity, "identity", "", "who the job acts as")
	f.StringVar(&b.policyFile, "policy", "", "file with the policy the job runs under: its SHA-256 is recorded, and the ledger keeps it for the gate")
	f.StringVar(&b.policyDigest, "policy-digest", "", "SHA-256 of the policy, 64 hexadecimal digits; must agree with --policy")
	f.StringVar(&b.policyRef, "policy-ref", "", "the policy's name or address")
	f.StringVar(&b.fingerprint, "env-fingerprint", "", "fingerprint of the job's environment (default: of operating system and architecture)")
}

func (b *boundFlags) environment() string {
	if b.fingerprint != "" {
		return b.fingerprint
	}
	sum := sha256.Sum256([]byte("arch=" + runtime.GOARCH + "|os=" + runtime.GOOS))
	return "envfp:" + hex.EncodeToString(sum[:])
}

// policy returns the digest of the policy file, or else --policy-digest.
func (b *boundFlags) policy(a *app) (ledger.Hash, error) {
	var stated ledger.Hash
	if b.policyDigest != "" {
		var err error
		if stated, err = ledger.ParseHash(strings.ToLower(b.policyDigest)); err != nil || stated.IsZero() {
			return ledger.Hash{}, &usageError{code: "invalid_policy_digest", text: "--policy-digest: not 64 hexadecimal digits, or all zero", hint: "sha256sum FILE prints it"}
		}
	}
	if b.policyFile == "" {
		return stated, nil
	}
	text, err := a.readFile(b.policyFile, maxPolicy)
	if err != nil {
		return ledger.Hash{}, err
	}
	found := ledger.Hash(sha256.Sum256(text))
	noteUnreadable(a, b.policyFile, text)
	if len(text) <= gate.MaxPolicy {
		a.policy = text
	}
	if !stated.IsZero() && stated != found {
		return ledger.Hash{}, &usageError{
			code: "policy_digest_mismatch", text: fmt.Sprintf("%s has the SHA-256 %s, not the --policy-digest given", b.policyFile, found),
			hint: "give the one or the other",
		}
	}
	return found, nil
}

// policyDigest returns the digest of a policy file.
func (a *app) policyDigest(file string) (ledger.Hash, error) {
	text, err := a.readFile(file, maxPolicy)
	return sha256.Sum256(text), err
}

// maxPolicy is the greatest size of a policy file.
const maxPolicy = 16 << 20
