package main

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"gait/commands/connect"
	"gait/ledger"
	"gait/ledger/content"
	"gait/ledger/root"
)

// A contentCheck looks at the content of jobs that the events of a ledger name.
type contentCheck struct {
	named                   content.Named
	present, absent, erased int
}

// look reads all content of jobs that events name and none erased, and the policies that they
// name. It fails with a *content.DamagedError if one was changed. What is not there is
// counted, but for policies: what names it is proved without it. Content that is elsewhere, behind a URL, is not looked at.
func (c *contentCheck) look(a *app, r *connect.Ledger) error {
	names := slices.SortedFunc(c.named.All(), func(a, b content.Name) int { return bytes.Compare(a.Digest[:], b.Digest[:]) })
	names = slices.DeleteFunc(names, func(n content.Name) bool { return n.Owner == content.Owner{} })
	if a.usesURL() {
		return nil
	}
	c.erased = c.named.Erased()
	bar := newBar(a, "verifying content")
	defer bar.stop()
	kept := root.ContentOf(r.Dir)
	for i, name := range names {
		in, err := kept.Of(name.Owner).Get(name.Digest, false)
		switch {
		case errors.Is(err, ledger.ErrContentMissing):
			c.absent++
		case err != nil:
			return err
		default:
			c.present++
			_ = in.Close()
		}
		if err := bar.update(int64(i+1), int64(len(names))); err != nil {
			return err
		}
	}
	return c.lookAtPolicies(kept)
}

func (c *contentCheck) lookAtPolicies(kept *content.Store) error {
	for _, digest := range c.named.Policies() {
		if _, err := kept.ReadPlain(digest, content.MaxSize); err != nil && !errors.Is(err, ledger.ErrContentMissing) {
			return err
		}
	}
	return nil
}

// add adds what was found to the fields of an answer, and returns its line. It is empty if
// no event names content of a job.
func (c *contentCheck) add(fields object) [2]string {
	if c.present+c.absent+c.erased == 0 {
		return [2]string{}
	}
	fields["content"] = object{"present": c.present, "absent": c.absent, "erased": c.erased}
	return [2]string{"content", fmt.Sprintf("of jobs: %d present, %d absent, %d erased", c.present, c.absent, c.erased)}
}
