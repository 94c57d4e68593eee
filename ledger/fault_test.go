package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"syscall"
	"testing"

	"gait/ledger"
)

func TestFaultOf(t *testing.T) {
	first := ledger.NewError("first", ledger.Fault{Code: "first", Category: ledger.CategoryPolicy})
	second := ledger.NewError("second", ledger.Fault{Code: "second", Category: ledger.CategoryUnsafe})
	field := &ledger.FieldError{Field: "actor", Problem: "it is empty"}
	both := func(a, b error) error { return fmt.Errorf("%w: %w", a, b) }
	for _, tt := range []struct {
		name string
		err  error
		want string
	}{
		{"the outer of two", both(first, second), "first"},
		{"one deep in a join", errors.Join(errors.New("x"), fmt.Errorf("y: %w", errors.Join(second, first))), "second"},
		{"an unknown outcome after another", both(first, ledger.ErrOutcomeUnknown), "outcome_unknown"},
		{"a general one and another", both(ledger.ErrMalformed, second), "second"},
		{"a general one and the operating system's", both(ledger.ErrMalformed, syscall.EIO), "malformed"},
		{"general ones", both(ledger.ErrMalformed, both(field, ledger.ErrUnverified)), "not_verified"},
		{"a newer version in corrupt history", &ledger.CorruptError{Err: ledger.ErrUnsupportedVersion}, "unsupported_version"},
		{"a field", field, "invalid_actor"},
		{"a weak key", ledger.ErrWeakKey, "weak_public_key"},
		{"a policy", &ledger.PolicyError{Code: ledger.PolicyKey}, "policy_key"},
		{"a deadline", fmt.Errorf("x: %w", context.DeadlineExceeded), "deadline_exceeded"},
		{"an interrupt", both(syscall.EIO, context.Canceled), "interrupted"},
		{"a path", &fs.PathError{Op: "open", Path: "x", Err: errors.New("y")}, "io_failure"},
		{"no fault", errors.New("x"), "internal_failure"},
		{"no error", nil, "internal_failure"},
	} {
		got, ok := ledger.FaultOf(tt.err)
		if got.Code != tt.want || ok != (tt.want != "internal_failure") || got.Category == "" {
			t.Errorf("%s: FaultOf(%v) = %+v, %t, want code %s", tt.name, tt.err, got, ok, tt.want)
		}
	}
	if errors.Is(first, second) || !errors.Is(both(first, second), second) {
		t.Error("errors.Is does not tell two errors of NewError apart")
	}
	if !errors.Is(ledger.ErrWeakKey, ledger.ErrMalformed) {
		t.Error("ErrWeakKey does not wrap ErrMalformed")
	}
}
