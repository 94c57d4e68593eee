package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"gait/ledger"
	"gait/packspec"
)

func packVerifyCommand(a *app) *cobra.Command {
	var v verifyFlags
	cmd := exits(&cobra.Command{
		Use:   "verify FILE",
		Short: "Check a pack or a trace, trusting nothing but your own keys",
		Long: `Check a pack: its bytes, the chain of its events, its proof, its signatures, the
rules of the job, and every view in it, which is derived again. The key must be one
you trust, or the one given; the key inside the pack counts for nothing. Packs of
PackSpec v1 without evidence are read too, and verify at best with no chain.

FILE may be a pipe or -, standard input: up to 4 GiB are kept in a temporary file.

A policy (C2SP tlog-policy) names logs, any one of which must have signed, and
witnesses, of which a quorum must have cosigned. Its logs are then the keys that
count. With --public-key too, both must hold.

Whoever came first has enrolled the ledger's first admin. --admin-key says whose key it
must have been.

With --attestation, the pack's key must have signed there what this pack is, by its SHA-256:
an in-toto Statement in a DSSE envelope (gait pack build --attest). Other lines of that file
are passed over.

FILE may be a trace of one decision of the gate (gait gate trace). --policy-file says which
policy that decision must name.`,
		Example: "gait pack verify ./gait-out/pack_job_1.zip\ngait pack verify pack_job_1.zip --public-key auditor.vkey --json\ngait pack verify pack_job_1.zip --policy policy.txt\ngait pack verify pack_job_1.zip --attestation pack_job_1.zip.intoto.jsonl\ngait pack verify decision.trace.json --policy-file gate.cedar\ncurl -s https://ci.example/pack_job_1.zip | gait pack verify -",
		Args:    oneFile,
	}, 0, 1, 2, 6, 8)
	v.add(cmd)
	cmd.RunE = func(_ *cobra.Command, args []string) error { return v.run(a, args[0]) }
	return cmd
}

// verifyFlags are the flags of pack verify.
type verifyFlags struct {
	keyFile, policyFile, gatePolicy, profile string
	attestation                              string
	adminFiles                               []string
	requireSignature                         bool
}

func (v *verifyFlags) add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&v.keyFile, "public-key", "", "the ledger's key, or a file with it: "+keyForms+"; only it counts then")
	f.StringVar(&v.policyFile, "policy", "", "file with the logs you trust and the witnesses you ask for (C2SP tlog-policy)")
	f.StringArrayVar(&v.adminFiles, "admin-key", nil, "file with the public key of the ledger's first admin, as you know it: a pack whose first admin signed with another fails; may be given several times")
	f.StringVar(&v.gatePolicy, "policy-file", "", "with a trace: file with the gate's policy, whose SHA-256 the decision must name")
	f.StringVar(&v.attestation, "attestation", "", "file with the pack's attestation, which its key must have signed (in-toto, DSSE)")
	f.BoolVar(&v.requireSignature, "require-signature", true, "always so; accepted for older scripts")
	f.StringVar(&v.profile, "profile", "standard", "standard, or strict: also neither older than what you saw, nor possibly lacking events")
}

// run verifies the pack or trace in a file.
func (v *verifyFlags) run(a *app, path string) error {
	if v.profile != "standard" && v.profile != "strict" {
		return &usageError{code: "invalid_profile", text: fmt.Sprintf("%.40q is not a profile", v.profile), hint: "--profile standard or --profile strict"}
	}
	o := packspec.Options{Profile: packspec.Profile(v.profile)}
	memory, err := memoryOf(a)
	if err != nil {
		return err
	}
	if err := known(a, &o, v.policyFile, v.keyFile, v.adminFiles); err != nil {
		return err
	}
	given, err := readAttestation(a, v.attestation)
	if err != nil {
		return err
	}
	file, size, trace, err := openProof(a, path)
	if err != nil {
		return err
	}
	defer file.Close()
	keys := givenKeys(v.keyFile, v.policyFile, o.Policy)
	switch {
	case trace != nil && given != nil:
		return &usageError{code: "invalid_usage", text: "--attestation goes with a pack, and " + path + " is a trace", hint: "leave --attestation out"}
	case trace != nil:
		return verifyTrace(a, traceToVerify{path, trace, v.gatePolicy, keys}, memory, o)
	case v.gatePolicy != "":
		return &usageError{code: "invalid_usage", text: "--policy-file goes with a trace, and " + path + " is none", hint: "leave --policy-file out"}
	}
	done := newBar(a, "verifying events")
	o.Progress = done.update
	report, err := memory.VerifyPack(file, size, o)
	done.stop()
	if err != nil {
		return err
	}
	memory.KeepCheckpointOf(report)
	if err := given.check(file, size, &report); err != nil {
		return err
	}
	return reportPack(a, path, keys, report)
}

// known reads what the caller trusts and knows into options.
func known(a *app, o *packspec.Options, policyFile, keyFile string, adminFiles []string) (err error) {
	if o.Policy, err = readPolicy(a, policyFile); err != nil {
		return err
	}
	if o.Trusted, err = trustedUnder(a, o.Policy, keyFile); err != nil {
		return err
	}
	o.AdminKeys, err = a.adminKeys(adminFiles)
	return err
}

// trustedUnder returns the keys to trust under a policy: those of its logs, unless
// it names none or a key is given.
func trustedUnder(a *app, p *packspec.Policy, keyFile string) ([]packspec.TrustedKey, error) {
	if p == nil || len(p.Logs) == 0 || keyFile != "" {
		return trustedKeys(a, keyFile)
	}
	var keys []ledger.PublicKey
	for _, key := range p.Logs {
		keys = append(keys, key.PublicKey())
	}
	return trustFrom(a, p.From, keys...)
}

// givenKeys returns the file with the only keys to trust, if one was named.
func givenKeys(keyFile, policyFile string, p *packspec.Policy) string {
	if keyFile == "" && p != nil && len(p.Logs) > 0 {
		return policyFile
	}
	return keyFile
}

// readPolicy reads a policy file. It returns nil if name is "".
func readPolicy(a *app, name string) (*packspec.Policy, error) {
	if name == "" {
		return nil, nil
	}
	text, err := a.readFile(name, ledger.MaxPolicySize)
	if err != nil {
		return nil, err
	}
	p, err := ledger.ParsePolicy(text)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	return &packspec.Policy{Policy: p, From: name}, nil
}
