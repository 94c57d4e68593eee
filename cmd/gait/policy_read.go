package main

import (
	"errors"
	"path/filepath"
	"strings"

	"gait/commands/gate"
)

// mendPolicy is the hint about a file that the gate does not take.
const mendPolicy = "mend the file; gait policy --help lists the annotations, and what a policy sees"

// noteUnreadable prints a notice if a file that a job is to be bound to is no policy that the
// gate can read. A job can be bound to policies of other kinds: then nothing is to ask the gate.
func noteUnreadable(a *app, name string, text []byte) {
	_, err := gate.ParsePolicy(text)
	if e, ok := errors.AsType[*gate.Error](err); ok {
		a.notice(e.In(name) + ": " + e.Reason + " [" + e.Code + "]: the gate blocks every call of a job that is bound to this file")
	}
}

// readGatePolicy reads a file with policies.
func readGatePolicy(a *app, name string) (*gate.Policy, error) {
	b, err := a.readFile(name, gate.MaxPolicy)
	if err != nil {
		return nil, err
	}
	p, err := gate.ParsePolicy(b)
	if e, ok := errors.AsType[*gate.Error](err); ok {
		return nil, &usageError{code: e.Code, text: e.In(name) + ": " + e.Reason, hint: mendPolicy}
	}
	return p, err
}

// casesOf returns the name of the directory of the test cases of a policy file.
func casesOf(policy string) string {
	return strings.TrimSuffix(policy, filepath.Ext(policy)) + "_test"
}
