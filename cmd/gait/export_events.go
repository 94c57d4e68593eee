package main

import (
	"bufio"
	"context"

	"gait/commands/connect"
	"gait/ledger"
	"gait/projection"
	"gait/projection/cloudevents"
	"gait/projection/otel"
)

// A lineWriter counts the lines that it writes.
type lineWriter struct {
	to    *bufio.Writer
	lines int64
	bytes int64
}

func (w *lineWriter) write(line []byte) error {
	w.lines, w.bytes = w.lines+1, w.bytes+int64(len(line))+1
	_, err := w.to.Write(line)
	if err == nil {
		err = w.to.WriteByte('\n')
	}
	return err
}

// writeCloudEvents writes the events of a job, or of the ledger if job is "", from an event on.
func writeCloudEvents(ctx context.Context, l *connect.Ledger, job string, since ledger.Seq, to *lineWriter) error {
	if int64(since) >= l.Log.Head().Size {
		return nil
	}
	events := l.Log.Events(ctx, since)
	if job != "" {
		from, err := projection.JobSeqSince(ctx, l.Log, job, since)
		if err != nil {
			return err
		}
		events = l.Log.JobEvents(ctx, job, from)
	}
	var line []byte
	for e, err := range events {
		if err != nil {
			return err
		}
		line = cloudevents.Append(line[:0], e)
		if err := to.write(line); err != nil {
			return err
		}
	}
	return nil
}

// writeOTel writes the traces of a job, or of all jobs if id is "", as far as they changed
// from an event on. It returns how many spans they have.
func writeOTel(ctx context.Context, l *connect.Ledger, id string, since ledger.Seq, to *lineWriter) (spans int64, err error) {
	if id != "" {
		return writeTrace(ctx, l, id, since, to)
	}
	for job, err := range l.Log.Jobs(ctx, "") {
		if err != nil {
			return spans, err
		}
		if job.Head.Seq < since {
			continue
		}
		n, err := writeTrace(ctx, l, job.ID, since, to)
		if spans += n; err != nil {
			return spans, err
		}
	}
	return spans, nil
}

// writeTrace writes the trace of one job.
func writeTrace(ctx context.Context, l *connect.Ledger, id string, since ledger.Seq, to *lineWriter) (spans int64, err error) {
	var trace otel.Job
	if _, err := projection.History(ctx, l.Log, id, func(j projection.Job, e ledger.Event) error {
		trace.Add(j, e)
		return nil
	}); err != nil {
		return 0, err
	}
	line, n, err := trace.Line(since)
	if err != nil || line == nil {
		return 0, err
	}
	return int64(n), to.write(line)
}
