package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"gait/commands"
	"gait/commands/connect"
	"gait/ledger"
	"gait/ledger/root"
	"gait/packspec"
)

func proveCommand(a *app) *cobra.Command {
	var job, absent, check, keyFile, policyFile, out string
	cmd := exits(&cobra.Command{
		Use:   "prove",
		Short: "Prove where a job ends, or that there is none, in one file",
		Long: `Print a proof of a job's newest event, or that there is no such job, as of the newest
commitment to the ledger's index (gait ledger commit-index). It is one file, which
another person checks with --check, without the ledger: what it says follows from the
ledger's signature, whatever else the ledger holds. Nothing is written to the ledger.

With --check, check such a file under a key you trust, or the one given. A policy (C2SP
tlog-policy) can ask for cosignatures, as for gait pack verify.`,
		Example: `gait ledger commit-index && gait ledger prove --job job_1 --out job_1.proof.json
gait ledger prove --absent job_9 --out no-job_9.proof.json
gait ledger prove --check job_1.proof.json --public-key auditor.vkey --json`,
		Args: noArgs,
	}, 0, 1, 2, 6, 7, 8)
	f := cmd.Flags()
	f.StringVar(&job, "job", "", "prove which event is the newest of this job")
	f.StringVar(&absent, "absent", "", "prove that there is no job with this id")
	f.StringVar(&out, "out", "", "write the proof to this file; only a proof from the same ledger is replaced; "+outForms)
	f.StringVar(&check, "check", "", "check the proof in this file")
	f.StringVar(&keyFile, "public-key", "", "with --check: the ledger's key, or a file with it: "+keyForms+"; only it counts then")
	f.StringVar(&policyFile, "policy", "", "with --check: file with the logs you trust and the witnesses you ask for (C2SP tlog-policy)")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := proveUsage(cmd); err != nil {
			return err
		}
		if check != "" {
			return checkIndexProof(a, check, keyFile, policyFile)
		}
		id, make := job, packspec.ProveJob
		if absent != "" {
			id, make = absent, packspec.ProveAbsent
		}
		if err := ledger.FieldJobID.Check(id); err != nil {
			return err
		}
		a.about(id)
		var p printout
		err := a.show(cmd.Context(), func(r *connect.Ledger) (err error) {
			p, err = prove(cmd.Context(), a, r, id, make)
			return err
		})
		if err != nil {
			return err
		}
		return p.print(a, out)
	}
	return cmd
}

// proveUsage requires exactly one of --job, --absent and --check, and no flags that do
// not go with it.
func proveUsage(cmd *cobra.Command) error {
	given := map[string]bool{}
	kinds := 0
	for _, name := range []string{"job", "absent", "check", "out", "public-key", "policy"} {
		given[name] = cmd.Flags().Changed(name)
	}
	for _, name := range []string{"job", "absent", "check"} {
		if given[name] {
			kinds++
		}
	}
	switch {
	case kinds != 1:
		return &usageError{code: "invalid_usage", text: "prove what? Give one of --job, --absent and --check", hint: helpHint}
	case given["check"] && given["out"]:
		return &usageError{code: "invalid_usage", text: "--out does not go with --check, which writes nothing", hint: "leave --out out"}
	case !given["check"] && (given["public-key"] || given["policy"]):
		return &usageError{code: "invalid_usage", text: "--public-key and --policy go with --check", hint: "gait ledger prove --check FILE --public-key KEY"}
	}
	return nil
}

// A prover makes an index proof.
type prover func(ctx context.Context, src ledger.Reader, job string, o packspec.IndexOptions) (packspec.JobProof, error)

// prove makes a proof to print.
func prove(ctx context.Context, a *app, r *connect.Ledger, id string, make prover) (printout, error) {
	done := newBar(a, "reading events")
	p, err := make(ctx, r.Log, id, packspec.IndexOptions{Inherited: root.Inherited(root.ContentOf(r.Dir)), Progress: done.update})
	done.stop()
	switch {
	case errors.Is(err, packspec.ErrJobNotFound):
		return printout{}, &usageError{code: "job_not_found", text: fmt.Sprintf("%v: %s", commands.ErrJobNotFound, id), hint: "gait job list shows the jobs there are; to prove that there was none: gait ledger prove --absent " + id}
	case errors.Is(err, packspec.ErrJobThere):
		return printout{}, &usageError{code: "job_exists", text: "the ledger has a job " + id, hint: "prove where it ends: gait ledger prove --job " + id}
	case err != nil:
		return printout{}, err
	}
	text, err := p.Encode()
	if err != nil {
		return printout{}, err
	}
	origin := r.Log.Origin()
	fields := object{
		"origin": origin, "tree_size": p.Checkpoint.Size, "root": p.Checkpoint.Root, "job_id": id, "claim": p.Claim,
		"committed": committed(p.CommittedBy), "cosigned": p.Cosigned, "proof": string(text),
	}
	if p.Claim == packspec.ClaimNewest {
		fields["seq"], fields["leaf_hash"], fields["events_since"] = p.Newest.Seq(), p.Newest.LeafHash(), p.Head.JobSeq-p.Newest.JobSeq()
	}
	if newer := p.Head.JobSeq - p.Newest.JobSeq(); newer > 0 {
		a.notice(fmt.Sprintf("job %s has %s since the newest commitment, event %d; gait ledger commit-index makes a newer one", id, count(newer, "event"), p.CommittedBy.Seq()))
	}
	claim := fmt.Sprintf("%s had no job %s before event %d", origin, id, p.CommittedBy.Seq())
	if p.Claim == packspec.ClaimNewest {
		claim = fmt.Sprintf("before event %d, event %d is the last one of job %s in %s", p.CommittedBy.Seq(), p.Newest.Seq(), id, origin)
	}
	return printout{fields, text, "a proof from " + origin, claim, func(old []byte) bool {
		was, err := packspec.ParseIndexProof(old)
		if err != nil {
			return false
		}
		e, err := ledger.Decode([]byte(was.Commitment))
		return err == nil && e.Origin() == origin
	}}, nil
}

// checkIndexProof checks a proof, without a ledger.
func checkIndexProof(a *app, name, keyFile, policyFile string) error {
	memory, err := memoryOf(a)
	if err != nil {
		return err
	}
	var o packspec.Options
	if o.Policy, err = readPolicy(a, policyFile); err != nil {
		return err
	}
	if o.Trusted, err = trustedUnder(a, o.Policy, keyFile); err != nil {
		return err
	}
	text, err := readIndexProof(a, name)
	if err != nil {
		return err
	}
	report, err := memory.VerifyIndexProof(text, o)
	if err != nil {
		return fmt.Errorf("checking %s: %w", name, err)
	}
	a.about(report.JobID)
	if !a.json {
		s := a.screen()
		showIndexReport(s, name, report)
		if _, err := a.stdout.Write([]byte(s.String())); err != nil {
			return err
		}
	}
	if !report.Verified {
		return &indexProofError{verifyError: notVerified(name, givenKeys(keyFile, policyFile, o.Policy), report.Report), whole: report}
	}
	memory.KeepCheckpointOf(report.Report)
	if a.json {
		return a.print(object{"path": name, "report": report}, nil)
	}
	return nil
}

// readIndexProof reads an index proof. It refuses a pack, which another command checks.
func readIndexProof(a *app, name string) ([]byte, error) {
	in, err := a.openInput(name, 0)
	if err != nil {
		return nil, err
	}
	defer in.close()
	zip, err := in.isZip()
	switch {
	case err != nil:
		return nil, err
	case zip:
		return nil, &usageError{code: "invalid_usage", text: name + " is a pack or another zip, and no index proof", hint: "gait pack verify " + quoted(name)}
	}
	return in.all(packspec.MaxIndexProofSize)
}

// An indexProofError says that an index proof does not verify, with the whole report.
type indexProofError struct {
	*verifyError
	whole packspec.IndexReport
}

func (e *indexProofError) fields() object {
	fields := e.verifyError.fields()
	fields["report"] = e.whole
	return fields
}

func showIndexReport(s *screen, path string, report packspec.IndexReport) {
	showReport(s, path, report.Report)
	if !report.Verified {
		return
	}
	commitment, _ := ledger.Decode(report.Commitment)
	when := fmt.Sprintf("before event %d, %s", commitment.Seq(), ledger.FormatTime(commitment.Time()))
	if report.Claim == packspec.ClaimAbsent {
		fmt.Fprintf(s, "%s had no job %s %s\n", report.Origin, s.bold(report.JobID), when)
		return
	}
	newest, _ := ledger.Decode(report.Event)
	fmt.Fprintf(s, "the newest event of job %s %s was event %d: %s\n", s.bold(report.JobID), when, newest.Seq(), plain(eventInShort(newest)))
}
