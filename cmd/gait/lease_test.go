package main

import (
	"errors"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"gait/commands"
)

// environment returns surroundings with variables.
func environment(vars map[string]string) *surroundings {
	return &surroundings{getenv: func(name string) string { return vars[name] }}
}

// A traceparent that W3C Trace Context lets a reader use is used, and no other; of a later
// version what version 00 has.
func TestTraceFor(t *testing.T) {
	const ids = "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331"
	for text, want := range map[string]string{
		"":                                  "",
		"00-" + ids + "-01":                 "00-" + ids + "-01",
		"00-" + ids + "-ff":                 "00-" + ids + "-ff",
		"00-" + ids + "-01-more":            "",
		"00-" + ids + "-0":                  "",
		"00-" + ids + "-0g":                 "",
		"00-" + strings.ToUpper(ids) + "-0": "",
		"00-00000000000000000000000000000000-b7ad6b7169203331-01": "",
		"00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01": "",
		"01-" + ids + "-01":             "00-" + ids + "-01",
		"cc-" + ids + "-fe":             "00-" + ids + "-00",
		"cc-" + ids + "-03-what-is-new": "00-" + ids + "-01",
		"cc-" + ids + "-03.what-is-new": "",
		"ff-" + ids + "-01":             "",
		"CC-" + ids + "-01":             "",
		" 00-" + ids + "-01":            "",
		"no traceparent at all, but one that is as long as they are": "",
	} {
		s := environment(map[string]string{traceVariable: text})
		if got := traceFor(s, commands.Pause{}); got != want {
			t.Errorf("TRACEPARENT %q is recorded as %q, want %q", text, got, want)
		}
		if got := traceFor(s, commands.CommitIndex{}); got != "" {
			t.Errorf("an event about the ledger gets the trace %q", got)
		}
	}
}

// A lease is named by the flag, or by the environment for the job that that is about.
func TestLeaseOf(t *testing.T) {
	for _, tt := range []struct {
		args       string
		lease, job string
		none       bool
		want       int64
		wrong      bool
	}{
		{},
		{args: "--lease=3", want: 3},
		{args: "--lease=3", lease: "4", want: 3},
		{args: "--lease=3", lease: "x", want: 3},
		{args: "--lease=0", wrong: true},
		{args: "--lease=-1", lease: "4", wrong: true},
		{lease: "4", want: 4},
		{lease: "4", job: "a", want: 4},
		{lease: "4", job: "b"},
		{lease: "9223372036854775807", want: 9223372036854775807},
		{lease: "9223372036854775808", wrong: true},
		{lease: "0", wrong: true},
		{lease: "-1", wrong: true},
		{lease: "+1", wrong: true},
		{lease: "01", wrong: true},
		{lease: " 1", wrong: true},
		{lease: "1.0", wrong: true},
		{lease: "x", job: "b", wrong: true},
		{none: true},
		{none: true, lease: "4"},
		{none: true, lease: "x"},
		{none: true, args: "--lease=3", wrong: true},
	} {
		l := &leaseFlag{none: tt.none}
		f := pflag.NewFlagSet("test", pflag.ContinueOnError)
		l.add(f)
		if err := f.Parse(strings.Fields(tt.args)); err != nil {
			t.Fatal(err)
		}
		got, err := l.of(environment(map[string]string{leaseVariable: tt.lease, jobVariable: tt.job}), f, "a")
		usage, isUsage := errors.AsType[*usageError](err)
		if got != tt.want || isUsage != tt.wrong || isUsage && usage.code != "invalid_lease" {
			t.Errorf("with the flags %q, GAIT_LEASE=%s and GAIT_JOB=%s the lease of job a is %d, %v; want %d", tt.args, tt.lease, tt.job, got, err, tt.want)
		}
	}
}

// A worker that is not named has the name of the machine, in a form that an event takes.
func TestWorkerName(t *testing.T) {
	for host, want := range map[string]string{"host7": "host7", "host7.example.com": "host7.example.com", "": "gait", "a b": "claimed:a%20b"} {
		if got := workerName(func() (string, error) { return host, nil }); got != want {
			t.Errorf("workerName of the machine %q = %q, want %q", host, got, want)
		}
	}
	if got := workerName(func() (string, error) { return "", errors.New("no name") }); got != "gait" {
		t.Errorf("workerName of a machine without a name = %q", got)
	}
}
