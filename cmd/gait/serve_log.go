package main

import (
	"cmp"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"unicode/utf16"

	"gait/ledger"
)

// Values of --log-format and --log-level.
var (
	logFormats = []string{"text", "json"}
	logLevels  = []string{"debug", "info", "warn", "error"}
)

// logFlags say what gait serve logs.
type logFlags struct {
	format, level string
	quiet         bool
}

func (f logFlags) check() error {
	if _, err := f.minimum(); err != nil {
		return err
	}
	switch {
	case !slices.Contains(logFormats, f.format):
		return &usageError{code: "invalid_log_format", text: fmt.Sprintf("--log-format takes %s, not %.40q", ledger.OneOf(logFormats), f.format), hint: "--log-format json"}
	case f.quiet && f.level != "":
		return &usageError{code: "invalid_usage", text: "--quiet is --log-level error, and takes no other level", hint: "leave one of them out"}
	}
	return nil
}

// minimum returns the level from which on lines are logged.
func (f logFlags) minimum() (slog.Level, error) {
	if f.quiet {
		return slog.LevelError, nil
	}
	switch cmp.Or(f.level, "info") {
	case "debug":
		return slog.LevelDebug, nil
	case "info":
		return slog.LevelInfo, nil
	case "warn":
		return slog.LevelWarn, nil
	case "error":
		return slog.LevelError, nil
	}
	return 0, &usageError{code: "invalid_log_level", text: fmt.Sprintf("--log-level takes %s, not %.40q", ledger.OneOf(logLevels), f.level), hint: "--log-level debug logs each request and command"}
}

// handler returns what writes log lines to a stream.
func (f logFlags) handler(to io.Writer) slog.Handler {
	level, _ := f.minimum()
	if f.format == "json" {
		return slog.NewJSONHandler(jsonLog{to}, &slog.HandlerOptions{Level: level})
	}
	return slog.NewTextHandler(plainLog{to}, &slog.HandlerOptions{Level: level})
}

// startLog makes stderr a log that delays nothing.
func (c *console) startLog(f logFlags) {
	to := c.stderr
	w := newLogWriter(to, func(n int64) {
		slog.New(f.handler(to)).Warn("log lines are missing: no process read them in time", "lines", n)
	})
	c.stderr, c.log = w, &processLog{Logger: slog.New(f.handler(w)), flush: w.flush}
	c.log.only.Store(f.format == "json")
}

// A jsonLog writes lines of JSON, in which characters that plain escapes are escaped as
// JSON does.
type jsonLog struct{ to io.Writer }

// Write writes one line.
func (l jsonLog) Write(line []byte) (int, error) {
	_, err := io.WriteString(l.to, plainJSON(strings.TrimSuffix(string(line), "\n"))+"\n")
	return len(line), err
}

// plainJSON escapes what is not printable in a JSON text, all of which is in strings.
func plainJSON(text string) string {
	if !strings.ContainsFunc(text, unprintable) {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		switch {
		case !unprintable(r):
			b.WriteRune(r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}
