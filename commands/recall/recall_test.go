package recall

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"gait/ledger"
	"gait/ledger/home"
	"gait/packspec"
	"gait/packspec/finding"
)

// The keys of the vectors: of a ledger, and of the one that held its job before.
const (
	ledgerKey = "gait.test/ledger+361e3551+AXHrIHnQPPw8a9CW8BrUaEZ2ArjF+p0aPFF2YVtnJtjq"
	beforeKey = "gait.test/before+5892ffc3+AXHrIHnQPPw8a9CW8BrUaEZ2ArjF+p0aPFF2YVtnJtjq"
)

func verifyVector(t *testing.T, m Memory, name string) packspec.Report {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "fixtures", "vectors", name))
	if err != nil {
		t.Fatal(err)
	}
	var o packspec.Options
	for _, text := range []string{ledgerKey, beforeKey} {
		key, err := ledger.ParseVerifierKey(text)
		if err != nil {
			t.Fatal(err)
		}
		o.Trusted = append(o.Trusted, packspec.TrustedKey{Key: key.PublicKey(), From: "test"})
	}
	report, err := m.VerifyPack(bytes.NewReader(text), int64(len(text)), o)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func memory(t *testing.T) Memory {
	t.Helper()
	return Memory{Home: filepath.Join(t.TempDir(), "home"), Notice: func(text string) { t.Error(text) }}
}

// What verifies is remembered, and where its job goes on; without a home nothing is.
func TestVerifyPackRemembers(t *testing.T) {
	m := memory(t)
	report := verifyVector(t, m, "continued_of_all_events_of_the_job.zip")
	if !report.Verified {
		t.Fatal(report.Failure)
	}
	was, known, err := home.SeenContinued(m.Home, "gait.test/before", report.JobID)
	if err != nil || !known || was.Successor != "gait.test/ledger" {
		t.Errorf("remembered is %+v, %t, %v", was, known, err)
	}
	if n, err := home.Remembered(m.Home); n != 1 || err != nil {
		t.Errorf("%d jobs are remembered, %v", n, err)
	}
	if report := verifyVector(t, Memory{}, "continued_of_all_events_of_the_job.zip"); !report.Verified {
		t.Error(report.Failure)
	}
}

// Packs of each kind are refused that contradict where a job was seen to go on, and are not
// remembered.
func TestGoesOnElsewhere(t *testing.T) {
	for _, name := range []string{"continued_of_all_events_of_the_job.zip", "range_continued.zip"} {
		job := verifyVector(t, Memory{}, "continued_of_all_events_of_the_job.zip").JobID
		for text, c := range map[string]home.ContinuedSeen{
			"in another ledger":  {JobID: job, JobSeq: 1, Origin: "gait.test/before", Successor: "gait.test/other"},
			"after fewer events": {JobID: job, JobSeq: 0, Origin: "gait.test/ledger", Successor: "gait.test/other"},
		} {
			m := memory(t)
			if _, err := home.NoteContinued(m.Home, c); err != nil {
				t.Fatal(err)
			}
			report := verifyVector(t, m, name)
			if report.Verified || report.Failure.Code != finding.CodeForked {
				t.Errorf("%s, whose job was seen to go on %s: verified is %t, %v", name, text, report.Verified, report.Failure)
			}
			if n, err := home.Remembered(m.Home); n != 0 || err != nil {
				t.Errorf("%s: %d jobs are remembered, %v", name, n, err)
			}
		}
	}
}

// A pack that verified while another process remembered another successor does not verify.
func TestSuccessorNotedMeanwhile(t *testing.T) {
	m := memory(t)
	report := verifyVector(t, Memory{}, "continued_of_all_events_of_the_job.zip")
	other := home.ContinuedSeen{JobID: report.JobID, JobSeq: report.Continued.JobSeq, Origin: report.Continued.Origin, Successor: "gait.test/other"}
	if _, err := home.NoteContinued(m.Home, other); err != nil {
		t.Fatal(err)
	}
	m.keepSuccessor(&report)
	if report.Verified || report.Failure.Code != finding.CodeForked {
		t.Errorf("verified is %t, %v", report.Verified, report.Failure)
	}
}
