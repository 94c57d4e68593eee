package main

import (
	"fmt"
	"os"
	"path/filepath"

	"gait/ledger"
	"gait/ledger/home"
	"gait/packspec/regress"
)

// attestationKey returns the user's key that signs an attestation: that of the
// origin, or else the only one.
func attestationKey(a *app, origin string) (ledger.Signer, error) {
	homeDir, err := a.home()
	if err != nil {
		return nil, err
	}
	keys, err := home.Keys(homeDir)
	if err != nil {
		return nil, err
	}
	var own []home.KeyFile
	for _, k := range keys {
		if !k.Retired && (origin == "" || k.Origin == origin) {
			own = append(own, k)
		}
	}
	switch len(own) {
	case 0:
		return nil, &home.KeyMissingError{Origin: origin, Path: filepath.Join(homeDir, "keys"), Asked: origin != ""}
	case 1:
		return own[0].Private()
	}
	return nil, &usageError{code: "invalid_usage", text: fmt.Sprintf("an attestation is signed with one key, and you have %d", len(own)), hint: "choose one: --attest-as " + own[0].Origin + "; gait keys list shows them"}
}

// writeAttestation writes the results as a signed statement about this program,
// and about the candidate if there was one.
func writeAttestation(flags runFlags, done regressRun) error {
	program, err := os.Executable()
	if err != nil {
		return fmt.Errorf("finding this program: %w", err)
	}
	text, err := os.ReadFile(program)
	if err != nil {
		return fmt.Errorf("reading this program: %w", err)
	}
	subject := append([]regress.Resource{resource("gait", text)}, done.subject...)
	result := regress.TestResult{Result: "PASSED", Configuration: []regress.Resource{}, Passed: []string{}, Failed: []string{}}
	for _, r := range done.results {
		if r.resource.Name != "" {
			result.Configuration = append(result.Configuration, r.resource)
		}
		for _, c := range r.Comparisons {
			result.Add(r.Name+"/"+c.Name, c.Pass)
		}
		if r.Error != "" {
			result.Add(r.Name+"/fixture", false)
		}
	}
	signed, err := regress.Attest(subject, result, flags.signer)
	if err != nil {
		return err
	}
	return flags.attestAt.write(signed)
}
