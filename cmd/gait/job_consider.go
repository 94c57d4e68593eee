package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"gait/commands"
	"gait/commands/connect"
	"gait/ledger"
	"gait/projection"
)

// maxShown is how many bytes of a subject are shown.
const maxShown = 64 << 10

// considerText says in help texts how an approver looks before the verdict.
const considerText = `A decision can be about a file, its subject. At a terminal the subject is shown, and the
verdict asked for, before anything is signed or recorded: --yes and --json leave that out.
--show prints the subject in any case. The verdict names the subject's digest: if the
subject changed since it was shown, or is not the one of --expect, it is refused.`

// considerFlags say what an approver sees, and expects, before the verdict.
type considerFlags struct {
	expect    string
	show, yes bool
}

func (f *considerFlags) add(cmd *cobra.Command) {
	fl := cmd.Flags()
	fl.StringVar(&f.expect, "expect", "", "digest of the subject: refuse if what waits is about another one")
	fl.BoolVar(&f.show, "show", false, "print what is decided about first, on standard error")
	fl.BoolVar(&f.yes, "yes", false, "do not ask at the terminal")
}

// considering reads the flags. A terminal is asked, unless it is a program that reads.
func (f *considerFlags) considering(a *app) (considering, error) {
	c := considering{show: f.show, ask: !f.yes && !a.json && isTerminal(a.stderr) && readsTerminal(a.stdin)}
	if f.expect == "" {
		return c, nil
	}
	var err error
	if c.expect, err = ledger.ParseHash(f.expect); err != nil {
		return c, &usageError{code: "invalid_digest", text: fmt.Sprintf("--expect takes a digest of 64 digits from 0 to f, not %.80q", f.expect), hint: "gait job checkpoint show names the digest of the subject"}
	}
	return c, nil
}

// consider shows an approver what is asked for, and asks at the terminal. It returns the
// request about exactly what was shown: if that changes meanwhile, it is refused.
func (a *app) consider(ctx context.Context, l *connect.Ledger, r commands.Request) (commands.Request, error) {
	if !commands.RowOf(r.Command).Verdict {
		return r, nil
	}
	r.Command = about(r.Command, ledger.Hash{}, a.considering.expect)
	if !a.considering.show && (!a.considering.ask || r.DryRun) {
		return r, nil
	}
	if r.RequestID != "" {
		found, err := l.Log.Load(ctx, nil, []string{r.RequestID})
		if _, used := found.Requests[r.RequestID]; err != nil || used { // it is answered as before
			return r, err
		}
	}
	job, err := l.Job(ctx, r.JobID)
	if err == nil {
		err = projection.ReadTexts(ctx, l.Log, &job)
	}
	if err != nil {
		return r, err
	}
	ask, waits := asksFor(job, r.Command)
	if !waits {
		return r, nil // the refusal is recorded
	}
	subject := ask.Subject
	if !ask.Amended.Digest.IsZero() {
		subject = ask.Amended
	}
	if e := a.considering.expect; !e.IsZero() && e != subject.Digest {
		return r, nil // as above
	}
	if err := a.present(ctx, l, r, ask, subject); err != nil {
		return r, err
	}
	r.Command = about(r.Command, ask.Target, subject.Digest)
	if !a.considering.ask || r.DryRun {
		return r, nil
	}
	return r, a.confirmVerdict(ctx, r)
}

// asksFor returns what a verdict is on, if anything waits for it.
func asksFor(job projection.Job, c commands.Command) (projection.Ask, bool) {
	verdict, checkpoint := verdictIn(c)
	ask, no := projection.VerdictOn(job, projection.Basis{}, verdict, checkpoint, ledger.Hash{})
	return ask, no == nil
}

// about returns a verdict about an ask and its subject, as far as they are not zero.
func about(c commands.Command, target, subject ledger.Hash) commands.Command {
	if v, ok := c.(commands.Approve); ok {
		v.Target, v.Subject = target, subject
		return v
	}
	if v, ok := c.(commands.Deny); ok {
		v.Target, v.Subject = target, subject
		return v
	}
	return c
}

func verdictIn(c commands.Command) (v projection.Verdict, checkpoint string) {
	if deny, ok := c.(commands.Deny); ok {
		return projection.Denied, deny.CheckpointID
	}
	if approve, ok := c.(commands.Approve); ok {
		checkpoint = approve.CheckpointID
	}
	return projection.Approved, checkpoint
}

// present prints what is asked for, and its subject, on standard error.
func (a *app) present(ctx context.Context, l *connect.Ledger, r commands.Request, ask projection.Ask, subject ledger.Content) error {
	s := a.screenOn(a.stderr)
	what := ask.CheckpointID
	if what == "" {
		what = string(ask.Kind)
	}
	fmt.Fprintf(s, "%s of job %s, asked by %s at %s\n", s.bold(what), r.JobID, ask.Actor, ask.Created)
	s.fields([2]string{"summary", ask.Summary}, [2]string{"required action", ask.RequiredAction})
	if subject.Digest.IsZero() {
		s.add("it has no subject\n")
		_, err := io.WriteString(a.stderr, s.String())
		return err
	}
	name := "subject"
	if subject == ask.Amended {
		name = "amended subject"
	}
	err := a.showSubject(ctx, l, r.JobID, name, subject.Digest, s)
	if err != nil && a.considering.show {
		return err
	}
	if err != nil { // the approver decides without it
		fmt.Fprintf(s, "%s the subject %s cannot be shown: %v\n", s.yellow("note:"), subject.Digest, err)
	}
	_, err = io.WriteString(a.stderr, s.String())
	return err
}

// showSubject shows content: text as it is, and JSON with indents.
func (a *app) showSubject(ctx context.Context, l *connect.Ledger, job, name string, digest ledger.Hash, s *screen) error {
	r, err := l.GetContent(ctx, job, digest)
	if err != nil {
		return err
	}
	defer r.Close()
	b, err := io.ReadAll(io.LimitReader(r, maxShown+1))
	if err != nil {
		return err
	}
	about := fmt.Sprintf("%s, %d bytes", strings.TrimSpace(r.Content.Name+" "+r.Content.MediaType), r.Content.Size)
	s.fields([2]string{name, strings.TrimPrefix(about, ", ")}, [2]string{"digest", digest.String()})
	text, whole := readable(b)
	if text == "" {
		fmt.Fprintf(s, "  it is no text; gait content get %s --id %s --out FILE writes it to a file\n", digest, job)
		return nil
	}
	for line := range strings.Lines(text) {
		s.add("  | " + strings.TrimRight(line, "\r\n") + "\n")
	}
	if !whole {
		fmt.Fprintf(s, "  … only the first %d bytes are shown; gait content get %s --id %s has all of it\n", maxShown, digest, job)
	}
	return nil
}

// readable returns bytes as text, and whether they are all that is to be shown. It is "" if
// they are no text.
func readable(b []byte) (text string, whole bool) {
	whole = len(b) <= maxShown
	if !whole {
		b = b[:maxShown]
		for cut := 0; cut < utf8.UTFMax && !utf8.Valid(b); cut++ { // the cut may go through a character
			b = b[:len(b)-1]
		}
	}
	if len(b) == 0 || !utf8.Valid(b) || bytes.IndexByte(b, 0) >= 0 {
		return "", whole
	}
	var indented bytes.Buffer
	if whole && json.Indent(&indented, b, "", "  ") == nil {
		b = indented.Bytes()
	}
	return string(b), whole
}

// confirmVerdict asks at the terminal.
func (a *app) confirmVerdict(ctx context.Context, r commands.Request) error {
	verdict, _ := verdictIn(r.Command)
	verb := "Approve"
	if verdict == projection.Denied {
		verb = "Deny"
	}
	fmt.Fprintf(a.stderr, "%s it as %s? [y/N] ", verb, plain(r.Actor))
	answer, err := readLine(ctx, a.stdin)
	if err != nil {
		return err
	}
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return nil
	}
	return &usageError{code: "not_confirmed", text: "it was not confirmed, and nothing was written", hint: "run it again and type y, or add --yes"}
}

// readLine reads a line, or what there is of one, until ctx ends.
func readLine(ctx context.Context, in io.Reader) (string, error) {
	type result struct {
		line string
		err  error
	}
	done := make(chan result, 1)
	go func() {
		var line []byte
		for b := make([]byte, 1); len(line) < 1024; {
			n, err := in.Read(b)
			line = append(line, b[:n]...)
			if err != nil || n > 0 && b[0] == '\n' {
				break
			}
		}
		done <- result{string(line), nil}
	}()
	select {
	case got := <-done:
		return got.line, got.err
	case <-ctx.Done():
		return "", ctx.Err()
	}
}
