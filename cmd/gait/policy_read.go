package main

import (
	"errors"
	"path/filepath"
	"strings"

	"gait/commands/gate"
)

// readGatePolicy reads a file with policies.
func readGatePolicy(a *app, name string) (*gate.Policy, error) {
	b, err := a.readFile(name, gate.MaxPolicy)
	if err != nil {
		return nil, err
	}
	p, err := gate.ParsePolicy(b)
	if e, ok := errors.AsType[*gate.Error](err); ok {
		return nil, &usageError{code: e.Code, text: name + ": " + e.Reason, hint: "mend the file; docs/gate.md shows policies and their annotations"}
	}
	return p, err
}

// casesOf returns the name of the directory of the test cases of a policy file.
func casesOf(policy string) string {
	return strings.TrimSuffix(policy, filepath.Ext(policy)) + "_test"
}
