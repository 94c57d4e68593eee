package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"maps"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"gait/commands/connect"
	"gait/ledger"
)

// exportFlags say what gait export writes, and where.
type exportFlags struct {
	id    string
	since int64
	out   string
}

func (f *exportFlags) add(set *pflag.FlagSet) {
	set.StringVar(&f.id, "id", "", "the job's id; may also be given as the argument; without one: all jobs")
	set.Int64Var(&f.since, "since", 0, "from this event of the ledger on, counted from 0")
	set.StringVar(&f.out, "out", toStdout, "file to write, of which one with other bytes is not overwritten; "+outForms)
}

// An exporting writes lines of a ledger, and returns what it adds to the result.
type exporting func(ctx context.Context, l *connect.Ledger, f exportFlags, to *lineWriter) (object, error)

// exported makes cmd write lines into a file that has all of them, or is not there.
func exported(a *app, cmd *cobra.Command, write exporting) *cobra.Command {
	var f exportFlags
	f.add(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, args []string) (err error) {
		if f.id, err = jobNamed(a, f.id, args); err != nil {
			return err
		}
		if f.since < 0 {
			return &usageError{code: "invalid_usage", text: fmt.Sprintf("--since %d: events are counted from 0", f.since), hint: "--since 0"}
		}
		at, err := a.outFile("--out", f.out)
		if err != nil {
			return err
		}
		fields, to, err := f.writeTo(cmd.Context(), a, at, write)
		if err != nil {
			return err
		}
		return a.print(fields, func(s *screen) {
			s.done("wrote %s to %s", count(to.lines, "line"), f.out)
			s.fields([2]string{"of", fmt.Sprint(fields["origin"])}, [2]string{"next since", fmt.Sprint(fields["next_since"])})
		})
	}
	return cmd
}

// writeTo writes the file.
func (f exportFlags) writeTo(ctx context.Context, a *app, at outFile, write exporting) (fields object, to *lineWriter, err error) {
	file, err := at.begin()
	if err != nil {
		return nil, nil, fmt.Errorf("writing %s: %w", at, err)
	}
	defer file.remove()
	to = &lineWriter{to: bufio.NewWriterSize(io.NewOffsetWriter(interruptible{file, a}, 0), 1<<16)}
	fields = object{"path": f.out, "since": f.since}
	err = a.read(ctx, func(l *connect.Ledger) error {
		if f.id != "" {
			if _, err := l.Job(ctx, f.id); err != nil {
				return err
			}
			fields["job_id"] = f.id
		}
		size := l.Log.Head().Size
		fields["origin"], fields["tree_size"], fields["next_since"] = l.Log.Origin(), size, max(size, f.since)
		more, err := write(ctx, l, f, to)
		maps.Copy(fields, more)
		return err
	})
	if err == nil {
		err = to.to.Flush()
	}
	if err == nil {
		err = file.replacesOther()
	}
	if err != nil {
		return nil, nil, err
	}
	fields["lines"], fields["bytes"] = to.lines, to.bytes
	return fields, to, file.keep()
}

func exportCommand(a *app) *cobra.Command {
	cmd := group(a, &cobra.Command{
		Use:   "export",
		Short: "Write jobs in the forms that other systems read",
		Long: `Write jobs in the forms that other systems read. Each is a pure function of the ledger: the
same events give the same bytes. What is written is no evidence: gait pack build makes that.
The files of the ledger itself are another thing: gait ledger export.`,
		Example: "gait export otel --id job_1 --out trace.jsonl\ngait export cloudevents --since 120",
	})
	cmd.AddCommand(exportOTelCommand(a), exportCloudEventsCommand(a))
	return cmd
}

func exportCloudEventsCommand(a *app) *cobra.Command {
	return exported(a, exits(&cobra.Command{
		Use:   "cloudevents [JOB]",
		Short: "Write events as CloudEvents 1.0, one JSON object a line",
		Long: `Write the events of a job, or of the whole ledger, as CloudEvents 1.0 in the JSON event
format, one a line, in the order of the ledger. The id of each is its leaf hash, its data the
event as it is stored. A daemon sends the same as they are appended: GET
/v1/events?format=cloudevents, and to webhooks: gait serve --notify.`,
		Example: "gait export cloudevents > events.jsonl\ngait export cloudevents --id job_1\ngait export cloudevents --since 120 --out events-120.jsonl --json",
	}, 0, 1, 2, 6, 7, 8), func(ctx context.Context, l *connect.Ledger, f exportFlags, to *lineWriter) (object, error) {
		return nil, writeCloudEvents(ctx, l, f.id, ledger.Seq(f.since), to)
	})
}

func exportOTelCommand(a *app) *cobra.Command {
	return exported(a, exits(&cobra.Command{
		Use:   "otel [JOB]",
		Short: "Write jobs as OpenTelemetry traces, one OTLP/JSON message a line",
		Long: `Write a job, or all jobs, as OpenTelemetry traces: one message of OTLP/JSON a line, one job
each. A job is a trace, whose spans are the times that it ran, was paused or waited, the
questions to the gate, and the tools that it allowed. Ids come from the events' hashes, so
that a second export is the same trace, and a job that was submitted with a traceparent is in that
trace. With --since only spans are written that changed from that event on.

A collector takes a line at /v1/traces (OTLP over HTTP, content type application/json).`,
		Example: `gait export otel --id job_1
gait export otel --out jobs.jsonl --json
gait export otel job_1 | curl -s --data-binary @- -H 'Content-Type: application/json' http://127.0.0.1:4318/v1/traces`,
	}, 0, 1, 2, 6, 7, 8), func(ctx context.Context, l *connect.Ledger, f exportFlags, to *lineWriter) (object, error) {
		spans, err := writeOTel(ctx, l, f.id, ledger.Seq(f.since), to)
		return object{"spans": spans}, err
	})
}
