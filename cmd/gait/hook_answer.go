package main

import (
	"errors"
	"io"
	"io/fs"
	"time"

	"github.com/spf13/cobra"

	"gait/commands"
	"gait/commands/ask"
	"gait/commands/hook"
)

// hookMeanings says what the exit codes of hooks mean, which are those of their hosts.
var hookMeanings = map[int]string{
	hook.ExitAllow: "the tool may run; after it: what became of it is on the ledger",
	hook.ExitDeny:  "the tool must not run, whatever the reason; after it: what became of it is not on the ledger",
}

// hooking marks a command that a host runs: it ends with the host's own codes alone, whatever
// goes wrong.
func hooking(cmd *cobra.Command) *cobra.Command {
	exits(cmd, hook.ExitAllow, hook.ExitDeny)
	cmd.Annotations["hook"] = "answer"
	return cmd
}

// hooks reports whether a host runs a command.
func hooks(cmd *cobra.Command) bool { return cmd != nil && cmd.Annotations["hook"] == "answer" }

// A toldError ends a hook whose answer, which is no, was written.
type toldError struct{ exit int }

func (*toldError) Error() string { return "the host was told no" }

// tellHost writes an answer. It returns a *toldError unless that is yes.
func (c *console) tellHost(host hook.Host, answer hook.Answer) error {
	code := c.deliver(host, answer)
	c.hookTold = true
	if code == hook.ExitAllow && answer.OK {
		return nil
	}
	return &toldError{code}
}

// writeTime is how long a hook waits for what it writes to be read.
const writeTime = time.Second

// deliver writes an answer, and returns the exit code that goes with it. A yes that cannot be
// written, or that nothing reads, is a no.
func (c *console) deliver(host hook.Host, answer hook.Answer) int {
	out := host.Output(answer)
	err := writeWithin(c.stderr, out.Stderr)
	if out.Instead != "" && (err != nil || isUnread(c.stderr)) && !isUnread(c.stdout) && writeWithin(c.stdout, out.Instead) == nil {
		return hook.ExitAllow // what was written denies
	}
	if err := writeWithin(c.stdout, out.Stdout); err != nil && answer.OK {
		_ = writeWithin(c.stderr, "gait: the answer could not be written, and counts as no\n")
		return hook.ExitDeny
	}
	return out.Exit
}

// writeWithin writes a text, and fails if nothing reads it within writeTime.
func writeWithin(w io.Writer, text string) error {
	if text == "" {
		return nil
	}
	done := make(chan error, 1)
	go func() {
		err := errors.New("the writer has panicked")
		defer func() {
			_ = recover()
			done <- err
		}()
		_, err = io.WriteString(w, text)
	}()
	select {
	case err := <-done:
		return err
	case <-time.After(writeTime):
		return errors.New("nothing reads it")
	}
}

// isUnread reports whether a host does not read what is written: it reads pipes and sockets, and
// neither a file nor the null device, which also stands for a standard error that is closed.
func isUnread(w io.Writer) bool {
	f, ok := fileOf(w)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err != nil || info.Mode().IsRegular() || info.Mode()&fs.ModeDevice != 0 && !isTerminal(w)
}

// How long a hook reads on once it has answered, and once a signal has ended it.
const (
	drainTime      = 3 * time.Second
	drainTimeEnded = 500 * time.Millisecond
)

// drain reads what a host still has to say, and drops it. To a host, a hook that ends before it has
// heard all has failed, and the tool runs, whatever its exit code.
func drain(c *console, within time.Duration) {
	if readsTerminal(c.stdin) {
		return
	}
	heard := make(chan struct{})
	go func() {
		defer close(heard)
		defer func() { _ = recover() }() // it was answered
		_, _ = io.Copy(io.Discard, c.stdin)
	}()
	select {
	case <-heard:
	case <-time.After(within):
	}
}

// endLine returns the exit code of a command line. A hook has heard its host to the end by then.
func endLine(a *app, code int) int {
	switch {
	case !hooks(a.running):
	case a.interrupted != nil && a.interrupted() != nil:
		drain(&a.console, drainTimeEnded)
	default:
		drain(&a.console, drainTime)
	}
	return code
}

// failHook tells the host no because of an error, and returns the exit code. It is the one way
// out of a hook for every error.
func failHook(c *console, err error) int {
	if told, ok := errors.AsType[*toldError](err); ok {
		return told.exit
	}
	c.json = false // the host's form is the only one
	said := commands.AnswerOf(commands.Result{}, err)
	answer := hook.Answer{Event: c.hookEvent, ReasonCode: said.ReasonCode, JobID: c.jobID}
	switch c.hookEvent {
	case hook.Before:
		answer.Reason = ask.Words(said)
	case hook.After, hook.Failed:
		answer.Reason = "What became of it could not be recorded. Stop, and say so: a person has to look. (" + said.ReasonCode + ")"
	default:
		answer.Reason = "The gate could not be asked, and nothing is allowed. (" + said.ReasonCode + ")"
	}
	answer.Reason += " " + err.Error()
	return c.deliver(hook.Host(c.running.Name()), answer)
}

// endHook ends a hook that did not answer in time, whatever it waits for.
func endHook(a *app) {
	a.exit(endLine(a, a.deliver(hook.Host(a.running.Name()), hook.Answer{ReasonCode: "deadline_exceeded", Reason: "The gate did not answer in time, and it has not run. (deadline_exceeded)"})))
}

// hookIn returns the hook that a command line names, if what was found or ran is gait itself, because
// of what stands before the hook. It also takes the name of a host for a hook, whatever stands in the
// place of "hook".
func hookIn(ran *cobra.Command, args []string) *cobra.Command {
	if ran == nil || ran.HasParent() {
		return ran
	}
	for i := range args {
		if c, _, err := ran.Find(args[i:]); err == nil && hooks(c) {
			return c
		}
	}
	for i := range args {
		if c, _, err := ran.Find([]string{"hook", args[i]}); err == nil && hooks(c) && c.Name() == args[i] && i > 0 {
			return c
		}
	}
	return ran
}

// askedHost returns exitDeny in the place of success if a hook ends well without an answer, as it
// does after --help, although a host has something to say on standard input.
func askedHost(c *console) int {
	if !hooks(c.running) || c.hookTold || readsTerminal(c.stdin) {
		return exitOK
	}
	said := make(chan bool, 1)
	go func() {
		n, _ := io.ReadFull(c.stdin, make([]byte, 1))
		said <- n > 0
	}()
	select {
	case asked := <-said:
		if !asked {
			return exitOK
		}
	case <-time.After(time.Second):
	}
	return c.deliver(hook.Host(c.running.Name()), hook.Answer{Event: hook.Before, Reason: "It was not asked about, and has not run: the hook shows its help."})
}
