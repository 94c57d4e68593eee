package main

import (
	"errors"
	"io"
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

// deliver writes an answer, and returns the exit code that goes with it. A yes that cannot be
// written is a no.
func (c *console) deliver(host hook.Host, answer hook.Answer) int {
	out := host.Output(answer)
	if _, err := io.WriteString(c.stderr, out.Stderr); err != nil && out.Instead != "" {
		if _, err := io.WriteString(c.stdout, out.Instead); err == nil {
			return hook.ExitAllow // what was written denies
		}
	}
	if out.Stdout != "" {
		if _, err := io.WriteString(c.stdout, out.Stdout); err != nil && answer.OK {
			io.WriteString(c.stderr, "gait: the answer could not be written, and counts as no\n")
			return hook.ExitDeny
		}
	}
	return out.Exit
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
	code := make(chan int, 1)
	go func() {
		code <- a.deliver(hook.Host(a.running.Name()), hook.Answer{ReasonCode: "deadline_exceeded", Reason: "The gate did not answer in time, and it has not run. (deadline_exceeded)"})
	}()
	select {
	case c := <-code:
		a.exit(c)
	case <-time.After(time.Second): // nothing reads what is written
		a.exit(hook.ExitDeny)
	}
}

// hookIn returns the hook that a command line names whose flags before it were not accepted, or ran,
// which is what was found.
func hookIn(ran *cobra.Command, args []string) *cobra.Command {
	if ran.HasParent() {
		return ran
	}
	for i := range args {
		if c, _, err := ran.Find(args[i:]); err == nil && hooks(c) {
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
	io.WriteString(c.stderr, "gait: It was not asked about, and has not run: the hook shows its help.\n")
	return hook.ExitDeny
}
