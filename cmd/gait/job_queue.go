package main

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gait/commands"
	"gait/commands/connect"
	"gait/ledger"
	"gait/ledger/content"
)

// A queueFlags says what a job waits for before it can be leased, and what it works on.
type queueFlags struct {
	after     []string
	notBefore string
	files     uploadFlags
}

func (q *queueFlags) add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringArrayVar(&q.after, "after", nil, "a job that must be completed before this one is leased to a worker; repeatable, or several with commas")
	f.StringVar(&q.notBefore, "not-before", "", "when it may be leased first: after a duration such as 2h, or at a time such as 2027-01-31T18:00:00Z")
	f.StringVar(&q.files.input, "input", "", "file with what it is to work on, kept beside the ledger as content of the job; - is standard input")
	q.files.addLimit(f)
}

// fill adds what the flags say to a job that is submitted.
func (q *queueFlags) fill(a *app, c *commands.Submit) (err error) {
	for _, list := range q.after {
		c.After = append(c.After, strings.Split(list, ",")...)
	}
	if q.notBefore != "" {
		if c.NotBefore, err = momentOf("--not-before", q.notBefore, a.now(), "2h"); err != nil {
			return err
		}
	}
	return a.bring(q.files)
}

// momentOf returns the time that a flag names: after a duration, or a time.
func momentOf(flag, text string, now time.Time, example string) (time.Time, error) {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if n, err := strconv.ParseUint(days, 10, 16); err == nil {
			return now.AddDate(0, 0, int(n)).UTC().Truncate(time.Millisecond), nil
		}
	}
	if after, err := time.ParseDuration(text); err == nil && after > 0 {
		return now.Add(after).UTC().Truncate(time.Millisecond), nil
	}
	at, err := parseTime(flag, text, example)
	return at.UTC().Truncate(time.Millisecond), err
}

// parseSteps reads how far a job has come: 3/14.
func parseSteps(text string) (ledger.StepCount, error) {
	done, total, ok := strings.Cut(text, "/")
	var c ledger.StepCount
	var no [2]error
	c.Done, no[0] = strconv.ParseInt(done, 10, 64)
	c.Total, no[1] = strconv.ParseInt(total, 10, 64)
	if !ok || no[0] != nil || no[1] != nil || c.Done < 0 || c.Total < 1 || c.Total > ledger.MaxTotal || c.Done > c.Total {
		return ledger.StepCount{}, &usageError{code: "invalid_progress", text: fmt.Sprintf("--progress %.40q is not DONE/TOTAL, such as 3/14", text), hint: "--progress 3/14"}
	}
	return c, nil
}

// withJobID gives a job that is submitted with content an id, under which that is kept: of the
// job that its request id began before, or else a new one.
func withJobID(ctx context.Context, a *app, l *connect.Ledger, r commands.Request) (commands.Request, error) {
	if len(a.uploads.files) == 0 || r.JobID != "" || !commands.RowOf(r.Command).OptionalJobID {
		return r, nil
	}
	if r.RequestID != "" {
		found, err := l.Log.Load(ctx, nil, []string{r.RequestID})
		if event, used := found.Requests[r.RequestID]; err != nil || used {
			r.JobID = event.JobID()
			return r, err
		}
	}
	id, err := ledger.NewULID(a.now(), a.entropy)
	r.JobID = id
	return r, err
}

// wouldBring names the content that a job would be submitted with if there were a ledger. Its
// digest would be another one: the secret that goes into it is not made yet.
func wouldBring(a *app, r commands.Request) (commands.Request, error) {
	if len(a.uploads.files) > 0 && r.JobID == "" {
		id, err := ledger.NewULID(a.now(), a.entropy)
		if err != nil {
			return r, err
		}
		r.JobID = id
	}
	for _, f := range a.uploads.files {
		var salt [content.SaltSize]byte
		if _, err := io.ReadFull(a.entropy, salt[:]); err != nil {
			return r, err
		}
		is, err := content.DigestSalted(f.opened, salt)
		if err != nil {
			return r, fmt.Errorf("reading %s: %w", f.file, err)
		}
		r.Command = naming(r.Command, ledger.Content{Digest: is.Digest, MediaType: media(f.name), Name: f.name, Size: is.Size}, f.as)
		r.ContentLater = true
	}
	return r, r.Check()
}
