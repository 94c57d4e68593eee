package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"gait/commands"
	"gait/ledger"
)

// boundFlags are the flags of submit and resume: what a job is bound to.
type boundFlags struct {
	identity, policyFile, policyDigest, policyRef, fingerprint string
}

func (b *boundFlags) add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&b.identity, "identity", "", "who the job acts as")
	f.StringVar(&b.policyFile, "policy", "", "file with the policy the job runs under; its SHA-256 is recorded")
	f.StringVar(&b.policyDigest, "policy-digest", "", "SHA-256 of the policy, 64 hexadecimal digits; must agree with --policy")
	f.StringVar(&b.policyRef, "policy-ref", "", "the policy's name or address")
	f.StringVar(&b.fingerprint, "env-fingerprint", "", "fingerprint of the job's surroundings (default: over operating system and architecture)")
}

func (b *boundFlags) environment() string {
	if b.fingerprint != "" {
		return b.fingerprint
	}
	sum := sha256.Sum256([]byte("arch=" + runtime.GOARCH + "|os=" + runtime.GOOS))
	return "envfp:" + hex.EncodeToString(sum[:])
}

// maxPolicy bounds a policy file.
const maxPolicy = 16 << 20

// policy returns the digest of the policy file, or the one given.
func (b *boundFlags) policy() (ledger.Hash, error) {
	var stated ledger.Hash
	if b.policyDigest != "" {
		var err error
		if stated, err = ledger.ParseHash(strings.ToLower(b.policyDigest)); err != nil || stated.IsZero() {
			return ledger.Hash{}, &usageError{code: "invalid_policy_digest", text: "--policy-digest: not 64 hexadecimal digits, or all zero", hint: "sha256sum <FILE> prints it"}
		}
	}
	if b.policyFile == "" {
		return stated, nil
	}
	text, err := readFile(b.policyFile, maxPolicy)
	if err != nil {
		return ledger.Hash{}, err
	}
	found := ledger.Hash(sha256.Sum256(text))
	if !stated.IsZero() && stated != found {
		return ledger.Hash{}, &usageError{code: "policy_digest_mismatch", text: fmt.Sprintf("%s has the SHA-256 %s, not the --policy-digest given", b.policyFile, found),
			hint: "give the one or the other"}
	}
	return found, nil
}

// readFile reads a file that the user named, up to limit bytes.
func readFile(name string, limit int64) ([]byte, error) {
	f, err := openAtOnce(name)
	if errors.Is(err, os.ErrNotExist) {
		return nil, &usageError{code: "file_not_found", text: name + " does not exist", hint: "check the path"}
	}
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.IsDir() {
		return nil, &usageError{code: "file_not_found", text: name + " is a directory, not a file", hint: "check the path"}
	}
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	if int64(len(b)) > limit {
		return nil, &usageError{code: "file_too_large", text: fmt.Sprintf("%s is over %d bytes", name, limit), hint: "check the path"}
	}
	return b, nil
}

func (a *app) submitCommand() *cobra.Command {
	var bound boundFlags
	var labels []string
	cmd := exits(&cobra.Command{
		Use:   "submit [JOB]",
		Short: "Start a job; the first one creates the ledger",
		Long: `Start a job. Without an id it gets a ULID. Where there is no ledger yet, this
creates one, with its signing key and an entry among your trusted keys.`,
		Example: `gait job submit --id job_1
gait job submit --id refunds-7 --identity agent_7 --policy policy.yaml --policy-ref refunds@v3 --label team=payments`,
	}, 0, 1, 2, 6, 7, 8)
	bound.add(cmd)
	cmd.Flags().StringArrayVar(&labels, "label", nil, "a label key=value; may be given several times")
	return a.withoutReason(cmd, func(cmd *cobra.Command) (commands.Command, error) {
		c := commands.Submit{EnvironmentFingerprint: bound.environment(), Identity: bound.identity, PolicyRef: bound.policyRef, ProducerVersion: producerVersion()}
		var err error
		if c.PolicyDigest, err = bound.policy(); err != nil {
			return nil, err
		}
		for _, label := range labels {
			key, value, ok := strings.Cut(label, "=")
			if !ok {
				return nil, &usageError{code: "invalid_label", text: fmt.Sprintf("--label %.80q is not key=value", label), hint: "--label team=payments"}
			}
			c.Labels = append(c.Labels, ledger.Label{Key: key, Value: value})
		}
		return c, nil
	})
}

func (a *app) resumeCommand() *cobra.Command {
	var bound boundFlags
	var allowEnv bool
	cmd := exits(&cobra.Command{
		Use:   "resume [JOB]",
		Short: "Let a stopped job run again",
		Long: `Let a paused, blocked or waiting job run again. Everything that was asked for must
have been approved; the approvals are used up. A job bound to a policy needs the
current one. Another policy, and other surroundings, are recorded, before and after.`,
		Example: `gait job resume --id job_1 --actor worker_1 --reason "continue after approval"
gait job resume --id refunds-7 --policy policy.yaml
gait job resume --id job_1 --allow-env-mismatch --reason "moved to the new host"`,
	}, 0, 1, 2, 3, 4, 6, 7, 8)
	bound.add(cmd)
	cmd.Flags().BoolVar(&allowEnv, "allow-env-mismatch", false, "resume although the surroundings changed; needs --reason")
	return a.lifecycle(cmd, func(cmd *cobra.Command) (commands.Command, error) {
		digest, err := bound.policy()
		if err != nil {
			return nil, err
		}
		return commands.Resume{EnvironmentFingerprint: bound.environment(), AllowEnvMismatch: allowEnv, Identity: bound.identity,
			PolicyDigest: digest, PolicyRef: bound.policyRef}, nil
	})
}
