package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"

	"gait/ledger"
	"gait/ledger/root"
	"gait/packspec/regress"
)

// attester returns the key of the user's that signs an attestation: the one of the
// origin, or the only one there is.
func (a *app) attester(origin string) (ledger.Signer, error) {
	home, err := a.home()
	if err != nil {
		return nil, err
	}
	keys, err := root.Keys(home)
	if err != nil {
		return nil, err
	}
	var own []root.KeyFile
	for _, k := range keys {
		if !k.Retired && (origin == "" || k.Origin == origin) {
			own = append(own, k)
		}
	}
	switch len(own) {
	case 0:
		return nil, &root.KeyMissingError{Origin: origin, Path: filepath.Join(home, "keys")}
	case 1:
		return own[0].Signer()
	}
	return nil, &usageError{code: "invalid_usage", text: fmt.Sprintf("an attestation is signed with one key, and you have %d", len(own)), hint: "choose one: --attest-as " + own[0].Origin + "; gait keys list shows them"}
}

// attest writes what the run came to as a signed statement. What was tested is this
// program, and the candidate where there was one.
func attest(flags runFlags, done regressRun) error {
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
	return renameio.WriteFile(flags.attest, signed, 0o644)
}

// resource is an artifact by the digest of its bytes.
func resource(name string, text []byte) regress.Resource {
	sum := sha256.Sum256(text)
	return regress.Resource{Name: name, Digest: map[string]string{"sha256": hex.EncodeToString(sum[:])}}
}
