package main

import (
	"bytes"
	"io"
	"log/slog"
	"sync/atomic"
	"time"
)

// A processLog is the log of a process that runs for long: its stderr.
type processLog struct {
	*slog.Logger
	flush func()
	only  atomic.Bool // why the process ends is a line of the log too, not text for people
}

// Bounds of a logWriter.
const (
	waitingLines = 1024
	flushTimeout = time.Second
)

// A logWriter writes lines to a stream in the background, so that a reader of the log
// that stops reading, or goes away, delays nothing and ends nothing. Lines for which
// there is no room are dropped and counted.
type logWriter struct {
	to      io.Writer
	lines   chan []byte
	flushes chan chan struct{}
	dropped atomic.Int64
	missing func(n int64) // writes to the stream that lines are missing
}

func newLogWriter(to io.Writer, missing func(n int64)) *logWriter {
	l := &logWriter{to: to, lines: make(chan []byte, waitingLines), flushes: make(chan chan struct{}), missing: missing}
	go l.run()
	return l
}

// Write takes a line. It never fails.
func (l *logWriter) Write(line []byte) (int, error) {
	select {
	case l.lines <- bytes.Clone(line):
	default:
		l.dropped.Add(1)
	}
	return len(line), nil
}

func (l *logWriter) under() io.Writer { return l.to }

func (l *logWriter) run() {
	for {
		select {
		case line := <-l.lines:
			l.write(line)
		case done := <-l.flushes:
			for len(l.lines) > 0 {
				l.write(<-l.lines)
			}
			close(done)
		}
	}
}

// write writes a line. An error means that the log has no reader now.
func (l *logWriter) write(line []byte) {
	if _, err := l.to.Write(line); err != nil {
		return
	}
	if n := l.dropped.Swap(0); n > 0 {
		l.missing(n)
	}
}

// flush waits for what was written, though not long: the log may have no reader.
func (l *logWriter) flush() {
	timeout := time.NewTimer(flushTimeout)
	defer timeout.Stop()
	done := make(chan struct{})
	select {
	case l.flushes <- done:
	case <-timeout.C:
		return
	}
	select {
	case <-done:
	case <-timeout.C:
	}
}
