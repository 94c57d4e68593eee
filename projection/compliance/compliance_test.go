package compliance_test

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gait/ledger"
	"gait/ledger/ledgertest"
	"gait/projection/compliance"
)

const goldenLedgers = "../../fixtures/ledgers"

// golden returns the events of a stored ledger.
func golden(t *testing.T, name string) (events []ledger.Event) {
	t.Helper()
	for line := range bytes.Lines(ledgertest.ReadFile(t, filepath.Join(goldenLedgers, name, "events.jsonl"))) {
		e, err := ledger.Decode(bytes.TrimSuffix(line, []byte("\n")))
		if err != nil {
			t.Fatal(err)
		}
		events = append(events, e)
	}
	return events
}

func goldens(t *testing.T) (names []string) {
	t.Helper()
	found, err := os.ReadDir(goldenLedgers)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range found {
		names = append(names, f.Name())
	}
	if len(names) < 10 {
		t.Fatalf("golden ledgers: %v", names)
	}
	return names
}

func reportOf(f compliance.Framework, events []ledger.Event) compliance.Report {
	b := compliance.New(f, compliance.Scope{})
	for _, e := range events {
		b.Add(e)
	}
	return b.Report(compliance.Tree{Origin: "o", Size: int64(len(events))})
}

// Ledgers of every version are reported about, the same each time, whatever the order in which
// jobs and the ledger's own events come. Together they show every sign.
func TestGoldenLedgers(t *testing.T) {
	shown := map[compliance.Sign]int64{}
	for _, name := range goldens(t) {
		events := golden(t, name)
		for _, f := range compliance.Frameworks {
			r := reportOf(f, events)
			want := encoded(t, r)
			shuffled := slices.Clone(events)
			rng := rand.New(rand.NewPCG(1, 2))
			rng.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
			slices.SortStableFunc(shuffled, func(a, b ledger.Event) int { // a job's events stay in their order
				if a.JobID() != "" && a.JobID() == b.JobID() {
					return int(a.Seq() - b.Seq())
				}
				return strings.Compare(a.JobID(), b.JobID())
			})
			if diff := cmp.Diff(want, encoded(t, reportOf(f, shuffled))); diff != "" {
				t.Errorf("%s, %s: in another order the report is another one:\n%s", name, f, diff)
			}
			for _, c := range r.Controls {
				checkFinding(t, name, r, c)
				for _, e := range c.Evidence {
					shown[e.Sign] = max(shown[e.Sign], e.Count)
				}
			}
			if text := r.Markdown(); !strings.Contains(text, compliance.Notice) {
				t.Errorf("%s, %s: the text lacks the notice", name, f)
			}
		}
	}
	for _, s := range compliance.Signs() {
		if shown[s] == 0 && !slices.Contains(inJudge, s) {
			t.Errorf("no event of the golden ledgers shows %s, or no control names it", s)
		}
	}
}

// inJudge are signs that no golden ledger shows, and TestJudge does.
var inJudge = []compliance.Sign{compliance.AfterCommitment, compliance.ChangeUnreasoned}

// checkFinding checks what holds of each finding.
func checkFinding(t *testing.T, name string, r compliance.Report, f compliance.Finding) {
	t.Helper()
	if (len(f.Lacking) > 0) != (f.Status == compliance.Absent) {
		t.Errorf("%s: %s is %s, and lacks %v", name, f.ID, f.Status, f.Lacking)
	}
	if f.Jobs != nil && f.Jobs.Present+f.Jobs.Absent+f.Jobs.NotApplicable != r.Scope.JobCount {
		t.Errorf("%s: %s counts %+v jobs of %d", name, f.ID, f.Jobs, r.Scope.JobCount)
	}
	for _, e := range f.Evidence {
		seqs := make([]ledger.Seq, len(e.Events))
		for i, s := range e.Events {
			seqs[i] = s.Seq
		}
		if !slices.IsSorted(seqs) || int64(len(seqs)) != min(e.Count, compliance.MaxEvents) {
			t.Errorf("%s: %s: %s has %d events, of which %v are named", name, f.ID, e.Sign, e.Count, seqs)
		}
		if f.Status == compliance.Present && e.Use == compliance.Against && f.Jobs.Absent == 0 && e.Count > 0 {
			t.Errorf("%s: %s is present against %v", name, f.ID, e)
		}
	}
}

func encoded(t *testing.T, r compliance.Report) string {
	t.Helper()
	b, err := r.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

var dated = regexp.MustCompile(`^[0-9]{4}(-[0-9]{2}){0,2}$`)

// Every framework cites its sources with dates, has each control once, and says what no event shows.
func TestCatalogue(t *testing.T) {
	for _, f := range compliance.Frameworks {
		r := reportOf(f, nil)
		for _, s := range r.Sources {
			if _, err := time.Parse(time.DateOnly, s.Consulted); err != nil || !dated.MatchString(s.Date) || !strings.HasPrefix(s.URL, "https://") || s.Title == "" || s.Publisher == "" {
				t.Errorf("%s: the source %+v", f, s)
			}
		}
		ids := map[string]bool{}
		for _, c := range r.Controls {
			if ids[c.ID] || c.Title == "" || !strings.HasSuffix(c.Asks, ".") || len(c.Needs) == 0 || strings.ContainsAny(c.ID+c.Title+c.Asks, "|`\n") {
				t.Errorf("%s: the control %+v", f, c)
			}
			ids[c.ID] = true
		}
		if len(r.Controls) < 5 || len(r.NotShown) == 0 || len(r.Sources) == 0 || r.Title == "" {
			t.Errorf("%s: %d controls, %d parts that no event shows, %d sources", f, len(r.Controls), len(r.NotShown), len(r.Sources))
		}
		for _, n := range r.NotShown {
			if n.ID == "" || n.Why == "" {
				t.Errorf("%s: %+v", f, n)
			}
		}
		if r.Summary.Present != 0 || r.Scope.JobCount != 0 {
			t.Errorf("%s: of no events something is present: %+v", f, r.Summary)
		}
	}
}

// silent are the types whose events show nothing that a framework asks for: who holds a lease,
// and until when, is shown by the attempts under it.
var silent = []ledger.Type{ledger.TypeLeased, ledger.TypeLeaseRenewed, ledger.TypeLeaseReleased}

// Every type of event shows a sign, or is known to show none: a new type has to be thought about.
func TestEveryTypeIsConsidered(t *testing.T) {
	shows := map[ledger.Type]bool{}
	for _, name := range goldens(t) {
		for _, f := range compliance.Frameworks {
			for _, e := range golden(t, name) {
				for _, c := range reportOf(f, []ledger.Event{e}).Controls {
					if slices.ContainsFunc(c.Evidence, func(e compliance.Evidence) bool {
						return e.Count > 0 && e.Sign != compliance.CommandSigned && e.Sign != compliance.CommandUnsigned
					}) {
						shows[e.Type()] = true
					}
				}
			}
		}
	}
	for _, typ := range ledger.Types() {
		if shows[typ] == slices.Contains(silent, typ) {
			t.Errorf("%s shows a sign: %t; the types that show none are %v", typ, shows[typ], silent)
		}
	}
}
