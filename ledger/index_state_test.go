package ledger_test

import (
	"errors"
	"testing"

	"gait/ledger"
)

func TestIndexErrors(t *testing.T) {
	cause := errors.New("a page is missing")
	for _, tt := range []struct {
		err      error
		text     string
		code     string
		category ledger.Category
	}{
		{&ledger.IndexError{Seq: -1, Reason: "job job_1 has no head", Err: cause}, "the ledger's index does not hold: job job_1 has no head: a page is missing", "index_mismatch", ledger.CategoryVerification},
		{&ledger.IndexError{Seq: 7, Reason: "it is of job_1"}, "the ledger's index does not hold at event 7: it is of job_1", "index_mismatch", ledger.CategoryVerification},
		{&ledger.IndexTooOldError{Size: 5, Head: 70_000}, "the index of 5 events can no longer be told: the ledger has 70000, and 65536 more is the most", "index_too_old", ledger.CategoryInvalid},
	} {
		if got := tt.err.Error(); got != tt.text {
			t.Errorf("the error says %q, want %q", got, tt.text)
		}
		if f, ok := ledger.FaultOf(tt.err); !ok || f.Code != tt.code || f.Category != tt.category || f.Retryable {
			t.Errorf("the fault of %v is %+v, %t", tt.err, f, ok)
		}
	}
	if err := error(&ledger.IndexError{Seq: -1, Err: cause}); !errors.Is(err, cause) {
		t.Errorf("%v does not wrap its cause", err)
	}
}

func TestIndexStates(t *testing.T) {
	for state, want := range map[ledger.IndexState]string{
		ledger.IndexUnchecked: "unchecked", ledger.IndexProved: "proved", ledger.IndexBuilding: "building", ledger.IndexRefused: "refused", ledger.IndexBroken: "broken", 9: "index state 9",
	} {
		if got := state.String(); got != want {
			t.Errorf("state %d is %q, want %q", int(state), got, want)
		}
	}
	var zero ledger.IndexState
	if zero != ledger.IndexUnchecked {
		t.Errorf("the zero state is %s, want unchecked", zero)
	}
}
