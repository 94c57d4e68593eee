package commands

import (
	"fmt"
	"slices"

	"gait/ledger"
)

// checkAll returns the first error.
func checkAll(errs ...error) error {
	i := slices.IndexFunc(errs, func(err error) bool { return err != nil })
	if i < 0 {
		return nil
	}
	return errs[i]
}

// checkOptional checks a text that may be left out.
func checkOptional(f ledger.Field, s string) error {
	if s == "" {
		return nil
	}
	return f.Check(s)
}

// checkPayload checks arguments that an event holds as they are.
func checkPayload(p ledger.Payload) error {
	_, err := ledger.EncodePayload(p)
	return err
}

// checkContent checks a reference to content in a field.
func checkContent(field string, c ledger.Content) error {
	probe := ledger.Approved{Reason: "approved", Target: ledger.Hash{1}, Subject: ledger.Hash{1}, Amended: c}
	return within(field, checkPayload(probe))
}

// checkOnce requires that a sorted list has nothing twice.
func checkOnce[T ~string](field string, sorted []T) error {
	for i, s := range sorted {
		if i > 0 && sorted[i-1] == s {
			return &ledger.FieldError{Field: field, Problem: fmt.Sprintf("%.80q is given twice", s)}
		}
	}
	return nil
}
