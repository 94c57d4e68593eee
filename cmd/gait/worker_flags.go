package main

import (
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"gait/commands/worker"
	"gait/ledger"
)

// defaultTTL is how long a lease lives if --lease-ttl does not say.
const defaultTTL = time.Minute

// defaultLog is how many bytes of what an attempt writes are kept if --log does not say.
const defaultLog = 64 << 10

// maxLog is how many bytes of what an attempt writes are kept at most: they are in memory.
const maxLog = 16 << 20

// workerFlags are those of gait job run and gait work: how a worker is supervised.
type workerFlags struct {
	actor, worker, signKey        string
	ttl, grace, timeout, deadline time.Duration
	retries, logSize              int
	retryOn, noRetryOn            []int
	noComplete, autoResume        bool
}

func (r *workerFlags) add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&r.actor, "actor", "", "who acts, and as whom the command acts (env GAIT_ACTOR; default os:LOGIN)")
	f.StringVar(&r.worker, "worker", "", "what leases say about which machine and process has them (default HOST/PID)")
	f.StringVar(&r.signKey, "sign-key", "", "sign with this key: its file, agent, or agent:FINGERPRINT (env GAIT_SIGN_KEY)")
	f.DurationVar(&r.ttl, "lease-ttl", defaultTTL, "how long a lease lives without a word of the worker: another one may take the job then; 5s to 24h")
	f.DurationVar(&r.grace, "grace", 10*time.Second, "how long the command has to end after SIGTERM, before SIGKILL")
	f.DurationVar(&r.timeout, "timeout", 0, "how long one attempt may take (default: without a limit)")
	f.DurationVar(&r.deadline, "deadline", 0, "how long all attempts may take together, waiting for people apart (default: without a limit)")
	f.IntVar(&r.retries, "retries", 3, "how many times to start the command again after it has failed, or was lost with gait")
	f.IntSliceVar(&r.retryOn, "retry-on", nil, "start it again after these exit codes alone")
	f.IntSliceVar(&r.noRetryOn, "no-retry-on", nil, "never start it again after these exit codes")
	f.IntVar(&r.logSize, "log", defaultLog, "how many of the last bytes that an attempt wrote are kept as content of the job if it failed; 0: none")
	f.BoolVar(&r.autoResume, "auto-resume", false, "resume the job when all that it was stopped for is approved; a pause that nobody approves waits for a person")
}

// check refuses flags that cannot be meant.
func (r *workerFlags) check() error {
	bad := func(format string, args ...any) error {
		return &usageError{code: "invalid_usage", text: fmt.Sprintf(format, args...), hint: helpHint}
	}
	switch {
	case r.ttl%time.Second != 0 || r.ttl < ledger.MinLeaseTTL*time.Second || r.ttl > ledger.MaxLeaseTTL*time.Second:
		return bad("--lease-ttl %s is not in whole seconds from %ds to %dh", r.ttl, ledger.MinLeaseTTL, ledger.MaxLeaseTTL/3600)
	case r.grace < 0 || r.timeout < 0 || r.deadline < 0:
		return bad("--grace, --timeout and --deadline are not negative")
	case r.retries < 0:
		return bad("--retries %d is negative", r.retries)
	case r.logSize < 0 || r.logSize > maxLog:
		return bad("--log %d is not from 0 to %d bytes", r.logSize, maxLog)
	}
	for _, code := range append(append([]int{}, r.retryOn...), r.noRetryOn...) {
		if code < 1 || code > 255 {
			return bad("%d is not the exit code of a command that failed, 1 to 255", code)
		}
	}
	if len(r.retryOn) > 0 && len(r.noRetryOn) > 0 {
		return bad("--retry-on says all that --no-retry-on could say")
	}
	if r.worker != "" {
		return ledger.FieldWorker.Check(r.worker)
	}
	return nil
}

// workerName returns what leases say of who has them: --worker, or the host and the process.
func (r *workerFlags) workerName() string {
	if r.worker != "" {
		return r.worker
	}
	host := workerName(os.Hostname)
	return fmt.Sprintf("%s/%d", host[:min(len(host), 100)], os.Getpid())
}

// fraction draws a number from 0 to 1.
func fraction(entropy io.Reader) float64 {
	var b [8]byte
	if _, err := io.ReadFull(entropy, b[:]); err != nil {
		return 1
	}
	return float64(binary.BigEndian.Uint64(b[:])>>11) / (1 << 53)
}

// options returns how the attempts of a job are made. about is what notices begin with.
func (r *workerFlags) options(a *app, about string) worker.Options {
	return worker.Options{
		Grace: r.grace, Timeout: r.timeout, Deadline: r.deadline, Retries: r.retries,
		RetryOn: r.retryOn, NoRetryOn: r.noRetryOn, NoComplete: r.noComplete, AutoResume: r.autoResume,
		Now: a.now, Rand: func() float64 { return fraction(a.entropy) }, Log: func(format string, args ...any) { a.notice(about + fmt.Sprintf(format, args...)) },
	}
}

// checkCommand checks the flags, and that the command after -- can be run.
func checkCommand(cmd *cobra.Command, flags *workerFlags, args []string, usage string) error {
	if cmd.ArgsLenAtDash() != 0 || len(args) == 0 {
		return &usageError{code: "invalid_usage", text: "the command to run comes after --", hint: usage}
	}
	if err := flags.check(); err != nil {
		return err
	}
	_, err := findProgram(args[0])
	return err
}
