package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"gait/commands/connect"
	"gait/ledger"
	"gait/projection"
	"gait/projection/compliance"
)

func reportCommand(a *app) *cobra.Command {
	cmd := group(a, &cobra.Command{
		Use:     "report",
		Short:   "Report what the events show of a law or a standard",
		Example: "gait report compliance --framework eu-ai-act --all",
	})
	cmd.AddCommand(complianceCommand(a))
	return cmd
}

func complianceCommand(a *app) *cobra.Command {
	var flags complianceFlags
	cmd := exits(&cobra.Command{
		Use:   "compliance",
		Short: "List the events that show what a framework asks for, and what no event shows",
		Long: `List, for each control of a framework, the events that show it, with their places in the
ledger, and say whether it is present, absent or not applicable. This is evidence, and no
legal judgement. The controls are those that events can show something of; the report also
says which parts of the framework are outside of any ledger, and cites its sources with
their dates. The same events give the same report.

The frameworks are eu-ai-act, iso-42001, nist-ai-rmf and soc2. The report is about one job,
the jobs with all of some labels, or all jobs; and always about the ledger's own events: who
is enrolled, and what is signed. The events are not verified: gait ledger verify and gait
pack verify do that.`,
		Example: `gait report compliance --framework eu-ai-act --id job_1
gait report compliance --framework soc2 --label team=payments --out soc2.md
gait report compliance --framework iso-42001 --all --format json --out report.json
gait report compliance --framework nist-ai-rmf --all --json`,
		Args: noArgs,
	}, 0, 1, 2, 6, 7, 8)
	f := cmd.Flags()
	f.StringVar(&flags.framework, "framework", "", "which framework (required): "+ledger.OneOf(compliance.Frameworks))
	f.StringVar(&flags.id, "id", "", "about this job")
	f.StringArrayVar(&flags.labels, "label", nil, "about the jobs with this label, KEY=VALUE; repeatable: with all of them")
	f.BoolVar(&flags.all, "all", false, "about all jobs")
	f.StringVar(&flags.format, "format", "md", "md (Markdown), or json: the report as one line, with its schema gait.compliance.report")
	f.StringVar(&flags.out, "out", "", "write the report to this file; "+outForms)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return flags.run(cmd.Context(), a) }
	return cmd
}

// complianceFlags are the flags of report compliance.
type complianceFlags struct {
	framework, id, format, out string
	labels                     []string
	all                        bool
}

func (c complianceFlags) run(ctx context.Context, a *app) error {
	filter, err := c.check(a)
	if err != nil {
		return err
	}
	var to *outFile
	if c.out != "" {
		at, err := a.outFile("--out", c.out)
		if err != nil {
			return err
		}
		to = &at
	}
	b := compliance.New(compliance.Framework(c.framework), compliance.Scope{JobID: c.id, Labels: labelTexts(filter.Labels)})
	var r compliance.Report
	err = a.read(ctx, func(l *connect.Ledger) error {
		tree, _ := l.Log.Checkpoint()
		g := eventGathering{ctx, l, ledger.Seq(tree.Size), b}
		gather := g.all
		if !c.all {
			gather = func() error { return g.of(c.id, filter) }
		}
		if err := gather(); err != nil {
			return err
		}
		r = b.Report(compliance.Tree{Origin: tree.Origin, Root: tree.Root, Size: tree.Size})
		return nil
	})
	if err != nil {
		return err
	}
	return c.print(a, r, to)
}

// check checks the flags, and returns which jobs the report is about if labels say so.
func (c complianceFlags) check(a *app) (filter projection.Filter, err error) {
	scopes := 0
	for _, given := range []bool{c.id != "", len(c.labels) > 0, c.all} {
		if given {
			scopes++
		}
	}
	switch {
	case c.framework == "":
		return filter, &usageError{code: "invalid_usage", text: "a report of which framework? --framework is missing", hint: "--framework " + ledger.OneOf(compliance.Frameworks)}
	case !slices.Contains(compliance.Frameworks, compliance.Framework(c.framework)):
		return filter, &usageError{code: "invalid_framework", text: fmt.Sprintf("%.40q is not a framework that gait knows", c.framework), hint: "one of " + ledger.OneOf(compliance.Frameworks)}
	case c.format != "md" && c.format != "json":
		return filter, &usageError{code: "invalid_format", text: fmt.Sprintf("%.40q is not a format of a report", c.format), hint: "--format md or --format json"}
	case scopes != 1:
		return filter, &usageError{code: "invalid_usage", text: "a report of which jobs?", hint: "name one of --id JOB, --label KEY=VALUE and --all"}
	}
	if c.id != "" {
		a.about(c.id)
	}
	labels := listFlags{labels: c.labels}
	return labels.filter(a.now())
}

func labelTexts(labels []ledger.Label) (texts []string) {
	for _, l := range labels {
		texts = append(texts, l.Key+"="+l.Value)
	}
	slices.Sort(texts)
	return texts
}

// print writes the report to a file, or prints it.
func (c complianceFlags) print(a *app, r compliance.Report, to *outFile) error {
	text := []byte(r.Markdown())
	if c.format == "json" {
		var err error
		if text, err = r.Encode(); err != nil {
			return err
		}
	}
	fields := object{"report": r}
	if to == nil {
		return a.print(fields, func(s *screen) { s.add(string(text)) })
	}
	if err := to.write(text); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	fields["path"] = to.path
	return a.print(fields, func(s *screen) {
		s.done("wrote %s", s.bold(to.String()))
		s.fields([2]string{"framework", r.Title}, [2]string{"jobs", count(r.Scope.JobCount, "job")},
			[2]string{"controls", fmt.Sprintf("%d present, %d absent, %d not applicable", r.Summary.Present, r.Summary.Absent, r.Summary.NotApplicable)})
	})
}
