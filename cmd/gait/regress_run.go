package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"gait/ledger"
	"gait/packspec"
	"gait/packspec/regress"
	"gait/projection"
)

// runFlags say what regress run does.
type runFlags struct {
	dir, keyFile, candidate, match, junit, attest, attestAs string

	signer ledger.Signer // of the attestation, if there is to be one
}

func (a *app) regressRunCommand() *cobra.Command {
	var flags runFlags
	cmd := exits(&cobra.Command{
		Use:   "run [NAME…]",
		Short: "Run fixtures: today's code on yesterday's events, and another run beside them",
		Long: `Run fixtures, all or those named. Each pack must verify under a key you trust; then
its events are replayed by today's code and compared with what is expected. With a
candidate, a ledger's directory or a pack, the job in it is compared with the recorded
one: normalised, in what the fixture asks for. Without, only replay is compared.

The job of a candidate is the one of the same id, or the one --match names by its id
(job=ID) or by a label (KEY=VALUE); a pack's is compared with a fixture named alone. A
candidate's key is the one given, or one you trust. GITHUB_STEP_SUMMARY gets a summary in Markdown, and
under GITHUB_ACTIONS each divergence is an annotation.`,
		Example: `gait regress run
gait regress run refund --candidate ./gait-out/jobs --match job=job_2
gait regress run --junit results.xml --attest results.dsse.json --json`,
	}, 0, 1, 2, 5, 6, 7, 8)
	f := cmd.Flags()
	f.StringVar(&flags.dir, "dir", regressDir, "directory of the fixtures")
	f.StringVar(&flags.keyFile, "public-key", "", "the key that signed the packs, or a file with it: "+keyForms+"; only it counts then")
	f.StringVar(&flags.candidate, "candidate", "", "another run to compare: a ledger's directory, or a pack")
	f.StringVar(&flags.match, "match", "", "which job of the candidate: job=ID, or a label, KEY=VALUE")
	f.StringVar(&flags.junit, "junit", "", "write the results as JUnit XML to this file")
	f.StringVar(&flags.attest, "attest", "", "write the result as an in-toto Statement, signed with your key (DSSE), to this file")
	f.StringVar(&flags.attestAs, "attest-as", "", "the origin of the key that signs it, where you have several")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if flags.match != "" && flags.candidate == "" {
			return &usageError{code: "invalid_usage", text: "--match names a job of a candidate, and there is none", hint: "add --candidate <ROOT|PACK>"}
		}
		if flags.attestAs != "" && flags.attest == "" {
			return &usageError{code: "invalid_usage", text: "--attest-as names the key of an attestation, and there is none", hint: "add --attest <FILE>"}
		}
		if key, value, ok := strings.Cut(flags.match, "="); flags.match != "" && (!ok || key == "" || value == "") {
			return &usageError{code: "invalid_match", text: fmt.Sprintf("--match %.80q is neither job=ID nor a label, KEY=VALUE", flags.match), hint: "--match job=job_1"}
		}
		names, err := fixtureNames(flags.dir, args)
		if err != nil {
			return err
		}
		trusted, err := a.trusted(flags.keyFile)
		if err != nil {
			return err
		}
		if flags.attest != "" {
			if flags.signer, err = a.attester(flags.attestAs); err != nil {
				return err
			}
		}
		done, err := a.runFixtures(cmd.Context(), names, flags, trusted)
		if err != nil {
			return err
		}
		a.noticeResults(done.results)
		return a.reportRegress(flags, done)
	}
	return cmd
}

// A fixtureResult is what running a fixture found.
type fixtureResult struct {
	Name        string               `json:"name"`
	Why         string               `json:"why,omitempty"`
	Status      string               `json:"status"` // pass, regression, bad_fixture or not_verified
	Error       string               `json:"error,omitempty"`
	Comparisons []regress.Comparison `json:"comparisons"`
	JobID       string               `json:"job_id,omitempty"`    // recorded
	Candidate   string               `json:"candidate,omitempty"` // the job compared with it
	Ignored     []string             `json:"ignored,omitempty"`   // what may differ, beside what is masked
	Unused      []string             `json:"unused,omitempty"`    // of Ignored: what matches nothing
	Note        string               `json:"note,omitempty"`      // what else to know of the comparison
	path        string
	resource    regress.Resource // the fixture, for an attestation
	code        string           // why it does not verify, as packspec.Failure has it
}

// A regressRun is what running fixtures came to.
type regressRun struct {
	results []fixtureResult
	subject []regress.Resource // the candidate, where there was one
}

// runFixtures runs fixtures side by side.
func (a *app) runFixtures(ctx context.Context, names []string, flags runFlags, trusted []packspec.TrustedKey) (regressRun, error) {
	results, errs := make([]fixtureResult, len(names)), make([]error, len(names))
	var candidate candidates
	if flags.candidate != "" {
		own, err := a.trusted("") // a candidate has a key of its own, which the fixtures' need not be
		if err == nil {
			candidate, err = a.openCandidate(ctx, flags, append(own, trusted...), len(names) == 1)
		}
		if err != nil {
			return regressRun{}, err
		}
		defer candidate.close()
	}
	next := make(chan int)
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for i := range next {
				results[i], errs[i] = a.runFixture(filepath.Join(flags.dir, names[i]), candidate, trusted, flags.signer != nil)
			}
		})
	}
	for i := range names {
		next <- i
	}
	close(next)
	wg.Wait()
	return regressRun{results, candidate.subject}, errors.Join(errs...)
}

// runFixture runs one. What is wrong with it, or with the code, is in the result.
// named says that its digest is wanted.
func (a *app) runFixture(path string, candidate candidates, trusted []packspec.TrustedKey, named bool) (fixtureResult, error) {
	r := fixtureResult{Name: filepath.Base(path), path: path, Status: "pass", Comparisons: []regress.Comparison{}}
	f, err := loadFixture(path)
	if err != nil {
		return r.bad(err), nil
	}
	r.Why, r.Ignored = f.Why, f.Ignored()
	if named {
		if r.resource, err = f.Resource(filepath.ToSlash(path)); err != nil {
			return r.bad(err), nil
		}
	}
	report, err := packspec.Verify(bytes.NewReader(f.Pack), int64(len(f.Pack)), packspec.Options{Trusted: trusted})
	if err != nil {
		return r.bad(err), nil
	}
	if r.JobID = report.JobID; !report.Verified {
		r.Status, r.Error, r.code = "not_verified", report.Failure.Level+": "+report.Failure.Error(), report.Failure.Code
		return r, nil
	}
	c, err := f.Replay(a.rules)
	if err != nil {
		return r.bad(err), nil
	}
	r.Comparisons = append(r.Comparisons, c)
	var other ledger.Events
	if candidate.job != nil {
		job, events, err := candidate.job(report.JobID)
		other = events
		var more []regress.Comparison
		if err == nil {
			more, err = f.Behave(events)
		}
		if err != nil { // the others are run all the same
			r.Status, r.Error = "regression", "the candidate: "+err.Error()
			return r, nil
		}
		r.Candidate, r.Comparisons = job, append(r.Comparisons, more...)
	}
	for _, c := range r.Comparisons {
		if !c.Pass {
			r.Status = "regression"
		}
	}
	if r.Unused, err = f.Unused(other); err == nil {
		r.Note, err = noteOf(f, other)
	}
	return r, err
}

// inShort returns the first sentence of a text.
func inShort(text string) string {
	if first, _, more := strings.Cut(text, ". "); more {
		return first + "."
	}
	return text
}

// noteOf says so where the candidate is the very job that was recorded, whose
// behaviour cannot differ.
func noteOf(f *regress.Fixture, candidate ledger.Events) (string, error) {
	if candidate == nil {
		return "", nil
	}
	recorded, err := f.Events()
	if err != nil {
		return "", err
	}
	a, err := firstLeaf(recorded)
	if err != nil {
		return "", err
	}
	b, err := firstLeaf(candidate)
	if err != nil || a != b {
		return "", err
	}
	return "the candidate is the very job that was recorded, not another run of it", nil
}

// firstLeaf returns the leaf hash of the first event.
func firstLeaf(events ledger.Events) (ledger.Hash, error) {
	next, stop := iter.Pull2(events)
	defer stop()
	e, err, ok := next()
	if err != nil || !ok {
		return ledger.Hash{}, err
	}
	return e.LeafHash(), nil
}

// noticeResults says what is to be known beside a result. What regress.yaml names and
// nothing matches ignores less than somebody thinks.
func (a *app) noticeResults(results []fixtureResult) {
	noted := map[string][]string{} // the fixtures by what is to be known of them
	for _, r := range results {
		if r.Note != "" {
			noted[r.Note] = append(noted[r.Note], r.Name)
		}
		if len(r.Unused) > 0 {
			a.notice(fmt.Sprintf("%s ignores what is not there: %s", filepath.Join(r.path, regress.ConfigFile), strings.Join(r.Unused, ", ")))
		}
	}
	for _, note := range slices.Sorted(maps.Keys(noted)) {
		a.notice(strings.Join(noted[note], ", ") + ": " + note)
	}
}

func (r fixtureResult) bad(err error) fixtureResult {
	r.Status, r.Error = "bad_fixture", err.Error()
	return r
}

// candidates finds the job to compare with a recorded one.
type candidates struct {
	job     func(recorded string) (job string, events ledger.Events, err error) // nil: there is no candidate
	close   func()
	subject []regress.Resource // it, for an attestation
}

// openCandidate opens it. alone says that it is for one fixture, which then is
// compared with the job of a pack whatever that one's id.
func (a *app) openCandidate(ctx context.Context, flags runFlags, trusted []packspec.TrustedKey, alone bool) (candidates, error) {
	info, err := os.Stat(flags.candidate)
	if err != nil {
		return candidates{}, &usageError{code: "file_not_found", text: flags.candidate + " does not exist", hint: "name a ledger's directory, or a pack"}
	}
	if !info.IsDir() {
		pack, report, err := a.packFor(ctx, flags.candidate, "", trusted)
		return candidates{close: func() {}, subject: []regress.Resource{resource(flags.candidate, pack)}, job: func(recorded string) (string, ledger.Events, error) {
			if !alone && report.JobID != recorded && flags.match != "job="+report.JobID {
				return "", nil, fmt.Errorf("the pack is of job %s, not of %s; name one fixture, or --match job=%s", report.JobID, recorded, report.JobID)
			}
			events, err := packspec.Events(bytes.NewReader(pack), int64(len(pack)))
			return report.JobID, events, err
		}}, err
	}
	a.dir = flags.candidate
	o, err := a.options()
	if err != nil {
		return candidates{}, err
	}
	o.ReadOnly = true
	r, err := a.openLedger(ctx, o)
	if err != nil {
		return candidates{}, err
	}
	_, signed := r.Log.Checkpoint()
	checkpoint := resource("checkpoint of "+r.Log.Origin(), signed)
	checkpoint.Content = signed
	c := candidates{close: func() { _ = r.Close() }, subject: []regress.Resource{checkpoint},
		job: func(recorded string) (string, ledger.Events, error) { return matchJob(r, flags.match, recorded) }}
	if _, err = trustedIn(r.Log.Keys(), trusted, flags.keyFile); err == nil {
		err = a.verifyEvents(r)
	}
	if err != nil {
		c.close()
		return candidates{}, err
	}
	return c, nil
}

// matchJob finds the job that --match names, or the one of the recorded id.
func matchJob(r *openLedger, match, recorded string) (string, ledger.Events, error) {
	key, value, _ := strings.Cut(match, "=")
	if match == "" {
		key, value = "job", recorded
	}
	if key == "job" {
		_, ok, err := r.Log.JobHead(value)
		return value, r.Log.JobEvents(value, 1), errors.Join(err, notFound(ok, value))
	}
	var found []string
	for entry, err := range r.Log.Jobs("") {
		if err != nil {
			return "", nil, err
		}
		job, _, _, err := projection.Load(r.Log, entry.ID)
		if err != nil {
			return "", nil, err
		}
		if job.StatusView().Labels[key] == value {
			found = append(found, entry.ID)
		}
	}
	if len(found) != 1 {
		return "", nil, &usageError{code: "invalid_match", text: fmt.Sprintf("%d jobs are labelled %s, not one", len(found), match), hint: "name the job: --match job=<ID>"}
	}
	return found[0], r.Log.JobEvents(found[0], 1), nil
}
