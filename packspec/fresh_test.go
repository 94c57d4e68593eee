package packspec_test

import (
	"bytes"
	"errors"
	"testing"

	"gait/ledger"
	"gait/packspec"
	"gait/packspec/finding"
)

// A pack's checkpoint is compared with the one that was seen before.
func TestFreshness(t *testing.T) {
	key := testKey(t, 1)
	pack := build(t, indexed(t, key), "job_1")
	own, err := ledger.PeekCheckpoint([]byte(verify(t, pack, key).Checkpoint))
	if err != nil {
		t.Fatal(err)
	}
	with := func(size int64, root ledger.Hash) ledger.Checkpoint {
		return ledger.Checkpoint{Origin: own.Origin, Size: size, Root: root}
	}
	for _, tt := range []struct {
		name             string
		seen             ledger.Checkpoint
		standard, strict finding.Status
		code             string
	}{
		{"the same", own, finding.Proved, finding.Proved, ""},
		{"an older one", with(own.Size-1, ledger.Hash{1}), finding.Claimed, finding.Claimed, ""},
		{"a newer one", with(own.Size+1, ledger.Hash{1}), finding.Claimed, finding.Failed, finding.CodeOlder},
		{"another history", with(own.Size, ledger.Hash{1}), finding.Failed, finding.Failed, finding.CodeConflict},
	} {
		for profile, want := range map[packspec.Profile]finding.Status{packspec.ProfileStandard: tt.standard, packspec.ProfileStrict: tt.strict} {
			note, err := tt.seen.Sign(key)
			if err != nil {
				t.Fatal(err)
			}
			r, err := packspec.Verify(bytes.NewReader(pack), int64(len(pack)), packspec.Options{
				Trusted: []packspec.TrustedKey{{Key: key.VerifierKey().PublicKey()}},
				Profile: profile, Seen: func(...ledger.VerifierKey) ([]packspec.Sighting, error) {
					return []packspec.Sighting{{Note: note}}, nil
				},
			})
			if err != nil {
				t.Fatal(err)
			}
			if got := r.Level(finding.LevelFreshness).Status; got != want || r.Verified != (want != finding.Failed) {
				t.Errorf("%s seen, %s: %s, verified %t, want %s", tt.name, profile, got, r.Verified, want)
			}
			if want == finding.Failed && r.Failure.Code != tt.code {
				t.Errorf("%s seen, %s: %s, want %s", tt.name, profile, r.Failure.Code, tt.code)
			}
			if conflict := tt.code == finding.CodeConflict; conflict != (len(r.Evidence) == 2) {
				t.Errorf("%s seen: evidence %q", tt.name, r.Evidence)
			}
		}
	}
}

// If a checkpoint seen before cannot be read, Verify fails and gives no verdict.
func TestFreshnessUnreadable(t *testing.T) {
	key := testKey(t, 1)
	pack := build(t, history(t, key), "job_1")
	for _, seen := range []func(...ledger.VerifierKey) ([]packspec.Sighting, error){
		func(...ledger.VerifierKey) ([]packspec.Sighting, error) { return nil, errDisk },
		func(...ledger.VerifierKey) ([]packspec.Sighting, error) {
			return []packspec.Sighting{{Note: []byte("no note")}}, nil
		},
	} {
		_, err := packspec.Verify(bytes.NewReader(pack), int64(len(pack)), packspec.Options{Trusted: []packspec.TrustedKey{{Key: key.VerifierKey().PublicKey()}}, Seen: seen})
		if !errors.Is(err, errDisk) && !errors.Is(err, ledger.ErrMalformed) && !errors.Is(err, ledger.ErrUnverified) {
			t.Errorf("verifying gives %v", err)
		}
	}
}
