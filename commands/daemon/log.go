package daemon

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"gait/commands"
	"gait/ledger"
)

// What the server logs: each request and each command at debug, without what was sent;
// faults, which are the daemon's own or the ledger's, at error. Neither a header nor a
// query is logged: they may hold a token, or text of the user's.

// faultCategories are the categories of errors that no client causes.
var faultCategories = []ledger.Category{ledger.CategoryIO, ledger.CategoryInternal, ledger.CategoryUnknown, ledger.CategoryVerification}

// logFault logs an error if it is a fault. Requests that clients gave up are none.
func logFault(s *Server, path string, err error) {
	f, _ := ledger.FaultOf(err)
	gaveUp := errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
	if gaveUp || !slices.Contains(faultCategories, f.Category) {
		return
	}
	s.Slog.LogAttrs(context.Background(), slog.LevelError, "fault", slog.String("path", path), slog.String("code", f.Code), slog.String("error", err.Error()))
}

// logRequest logs a request that was answered.
func logRequest(s *Server, path string, q *http.Request, status int, took time.Duration) {
	s.Slog.LogAttrs(context.Background(), slog.LevelDebug, "request", slog.String("method", q.Method[:min(len(q.Method), 16)]), slog.String("path", path), slog.Int("status", status), slog.Duration("took", took))
}

// record counts a command and logs one line about it, without its payload.
func record(s *Server, r commands.Request, result commands.Result, err error, took time.Duration) {
	code := "ok"
	if err != nil {
		f, _ := ledger.FaultOf(err)
		code = f.Code
	}
	s.Metrics.command(r.Command.Verb(), code, took, result)
	if no, ok := errors.AsType[*commands.RefusedError](err); ok {
		result = no.Result
	}
	job := r.JobID
	if job == "" {
		job = result.Job.ID
	}
	attrs := []slog.Attr{slog.String("verb", r.Command.Verb()), slog.String("job", job), slog.String("code", code), slog.Duration("took", took)}
	if result.Receipt.TreeSize > 0 {
		attrs = append(attrs, slog.Int64("seq", int64(result.Receipt.Seq)), slog.String("leaf", result.Receipt.Leaf.String()), slog.Bool("replayed", result.Replayed))
	}
	s.Slog.LogAttrs(context.Background(), slog.LevelDebug, "command", attrs...)
}
