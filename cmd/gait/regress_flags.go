package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"gait/ledger"
)

// runFlags are the flags of regress run.
type runFlags struct {
	dir, keyFile, candidate, match, junit, attest, attestAs string

	signer ledger.Signer // signs the attestation; nil if none was asked for

	junitAt, attestAt, summaryAt outFile // where results are written; empty if nowhere
}

func (flags *runFlags) add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&flags.dir, "dir", regressDir, "directory of the fixtures")
	f.StringVar(&flags.keyFile, "public-key", "", "the key that signed the packs, or a file with it: "+keyForms+"; only it counts then")
	f.StringVar(&flags.candidate, "candidate", "", "another run to compare: a ledger's directory, or a pack")
	f.StringVar(&flags.match, "match", "", "which job of the candidate: job=ID, or a label, KEY=VALUE")
	f.StringVar(&flags.junit, "junit", "", "write the results as JUnit XML to this file; "+outForms)
	f.StringVar(&flags.attest, "attest", "", "write the result as an in-toto Statement, signed with your key (DSSE), to this file; "+outForms)
	f.StringVar(&flags.attestAs, "attest-as", "", "the origin of the key that signs it, if you have several")
}

// findPlaces sets where the results are written.
func (flags *runFlags) findPlaces(a *app) error {
	for _, out := range []struct {
		flag, name string
		at         *outFile
	}{
		{"--junit", flags.junit, &flags.junitAt},
		{"--attest", flags.attest, &flags.attestAt},
		{"GITHUB_STEP_SUMMARY", a.getenv("GITHUB_STEP_SUMMARY"), &flags.summaryAt},
	} {
		if out.name == "" {
			continue
		}
		var err error
		if *out.at, err = a.outFile(out.flag, out.name); err != nil {
			return err
		}
	}
	return nil
}

// check refuses flags that do not go together.
func (flags runFlags) check() error {
	if flags.match != "" && flags.candidate == "" {
		return &usageError{code: "invalid_usage", text: "--match names a job of a candidate, and there is none", hint: "add --candidate ROOT_OR_PACK"}
	}
	if flags.attestAs != "" && flags.attest == "" {
		return &usageError{code: "invalid_usage", text: "--attest-as names the key of an attestation, and there is none", hint: "add --attest FILE"}
	}
	key, value, ok := strings.Cut(flags.match, "=")
	if ok && key == "job" && value == "" {
		return &usageError{code: "invalid_usage", text: "--match job= is empty", hint: "--match job=job_1"}
	}
	if flags.match != "" && (!ok || key == "" || value == "") {
		return &usageError{code: "invalid_match", text: fmt.Sprintf("--match %.80q is neither job=ID nor a label, KEY=VALUE", flags.match), hint: "--match job=job_1"}
	}
	return nil
}
