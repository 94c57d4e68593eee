package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
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

func regressRunCommand(a *app) *cobra.Command {
	var flags runFlags
	cmd := exits(&cobra.Command{
		Use:   "run [NAME…]",
		Short: "Run fixtures: replay recorded events by today's code, and compare another run",
		Long: `Run fixtures, all or those named. Each pack must verify under a key you trust; then
its events are replayed by today's code and compared with what is expected. With a
candidate, a ledger's directory or a pack, the job in it is compared with the recorded
one: normalised, in the scopes that the fixture names. Without a candidate only the
replay is compared.

The job of a candidate is the one of the same id, or the one --match names by its id
(job=ID) or by a label (KEY=VALUE); a pack's is compared with a fixture named alone. A
candidate's key is the one given, or one you trust. If GITHUB_STEP_SUMMARY is set, a
summary in Markdown is written to it; if GITHUB_ACTIONS is true, each divergence is
an annotation.`,
		Example: `gait regress run
gait regress run refund --candidate ./gait-out/jobs --match job=job_2
gait regress run --junit results.xml --attest results.dsse.json --json`,
	}, 0, 1, 2, 5, 6, 7, 8)
	flags.add(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := flags.check(); err != nil {
			return err
		}
		if err := flags.findPlaces(a); err != nil {
			return err
		}
		names, err := fixtureNames(flags.dir, args)
		if err != nil {
			return err
		}
		trusted, err := trustedKeys(a, flags.keyFile)
		if err != nil {
			return err
		}
		if flags.attest != "" {
			if flags.signer, err = attestationKey(a, flags.attestAs); err != nil {
				return err
			}
		}
		done, err := runFixtures(cmd.Context(), a, names, flags, trusted)
		if err != nil {
			return err
		}
		noticeResults(a, done.results)
		return reportRegress(a, flags, done)
	}
	return cmd
}

// runFixtures runs fixtures in parallel.
func runFixtures(ctx context.Context, a *app, names []string, flags runFlags, trusted []packspec.TrustedKey) (regressRun, error) {
	run := fixtureRunner{rules: a.rules, trusted: trusted, digests: flags.signer != nil}
	if flags.candidate != "" {
		own, err := trustedKeys(a, "") // a candidate has a key of its own, which the fixtures' need not be
		if err == nil {
			run.candidate, err = openCandidate(ctx, a, flags, append(own, trusted...), len(names) == 1)
		}
		if err != nil {
			return regressRun{}, err
		}
		defer run.candidate.close()
	}
	results, errs := make([]fixtureResult, len(names)), make([]error, len(names))
	next := make(chan int)
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for i := range next {
				results[i], errs[i] = run.fixture(filepath.Join(flags.dir, names[i]))
			}
		})
	}
	for i := range names {
		next <- i
	}
	close(next)
	wg.Wait()
	return regressRun{results, run.candidate.subject}, errors.Join(errs...)
}

// A fixtureRunner runs fixtures: by today's rules, and against a candidate if there
// is one.
type fixtureRunner struct {
	rules     projection.Rules
	candidate candidates
	trusted   []packspec.TrustedKey
	digests   bool // compute the digest of each fixture, for an attestation
}

// fixture runs the fixture in path. The result says what is wrong with it, or
// with the code; an error ends the whole run.
func (run *fixtureRunner) fixture(path string) (fixtureResult, error) {
	r := fixtureResult{Name: filepath.Base(path), path: path, Status: statusPass, Comparisons: []regress.Comparison{}}
	f, folder, err := loadFixture(path)
	if err == nil {
		defer folder.close()
		err = run.replay(&r, f)
	}
	if err != nil {
		return r.bad(err), nil
	}
	if r.Status != statusPass {
		return r, nil
	}
	other, err := r.compare(f, run.candidate)
	if errors.Is(err, context.Canceled) { // it was not compared, which is no regression
		return r, err
	}
	if err != nil { // the other fixtures are still run
		return r.without(err), nil
	}
	if slices.ContainsFunc(r.Comparisons, func(c regress.Comparison) bool { return !c.Pass }) {
		r.Status = statusRegression
	}
	if r.Unused, err = f.Unused(other); err == nil {
		r.Note, err = noteOf(f, other)
	}
	return r, err
}

// replay verifies the pack of a fixture, and replays its events by today's rules.
func (run *fixtureRunner) replay(r *fixtureResult, f *regress.Fixture) (err error) {
	r.Why, r.Ignored = f.Why, f.Ignored()
	if run.digests {
		if r.resource, err = f.Resource(filepath.ToSlash(r.path)); err != nil {
			return err
		}
	}
	report, err := packspec.Verify(bytes.NewReader(f.Pack), int64(len(f.Pack)), packspec.Options{Trusted: run.trusted})
	if err != nil {
		return err
	}
	r.JobID = report.JobID
	if !report.Verified {
		r.Status, r.Error, r.code = statusNotVerified, report.Failure.Level+": "+report.Failure.Error(), report.Failure.Code
		return nil
	}
	c, err := f.Replay(run.rules)
	if err == nil {
		r.Comparisons = append(r.Comparisons, c)
	}
	return err
}

// noteOf returns a note if the candidate is the recorded job itself, whose
// behaviour cannot differ.
func noteOf(f *regress.Fixture, candidate regress.History) (string, error) {
	if candidate.Events == nil {
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
	b, err := firstLeaf(candidate.Events)
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

// noticeResults prints the notes of results, and the entries of ignore that match
// nothing, since their author expects them to ignore something.
func noticeResults(a *app, results []fixtureResult) {
	noted := map[string][]string{} // names of fixtures by their note
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
