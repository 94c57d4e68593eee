package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"gait/commands"
	"gait/commands/connect"
	"gait/ledger"
	"gait/ledger/content"
	"gait/projection"
)

// uploadFlags says which files a command brings.
type uploadFlags struct {
	subject, state, amend string
	result                string // of gait gate settle
	input                 string // of gait job submit
	log                   string // of gait job attempt end
	attach                []string
	limit                 int64
}

func (f *uploadFlags) addLimit(set *pflag.FlagSet) {
	set.Int64Var(&f.limit, "max-content", content.DefaultLimit, "how many bytes one file may have at most; a daemon has a bound of its own")
}

func (f *uploadFlags) add(cmd *cobra.Command) {
	fl := cmd.Flags()
	fl.StringVar(&f.subject, "subject", "", "file with what is decided about; it is kept beside the ledger, and shown to the approver; - is standard input")
	fl.StringArrayVar(&f.attach, "attach", nil, "FILE or FILE:ROLE to keep with the checkpoint, with the role "+ledger.OneOf(ledger.AttachmentRoles)+" (default artifact); up to 16")
	fl.StringVar(&f.state, "state", "", "file with what the job needs to go on; the same as --attach FILE:state")
	f.addLimit(fl)
}

// list returns the files that the flags name.
func (f *uploadFlags) list() (uploads, error) {
	u := uploads{limit: f.limit}
	if f.limit <= 0 || f.limit > content.MaxSize {
		return u, &usageError{code: "invalid_usage", text: fmt.Sprintf("--max-content takes 1 to %d, not %d", int64(content.MaxSize), f.limit), hint: helpHint}
	}
	add := func(flag, file, as string) {
		if file != "" {
			u.files = append(u.files, &upload{flag: flag, file: file, as: as})
		}
	}
	add("--subject", f.subject, projection.AsSubject)
	add("--amend", f.amend, projection.AsAmended)
	add("--result", f.result, projection.AsResult)
	add("--input", f.input, projection.AsInput)
	add("--log", f.log, string(ledger.AttachLog))
	add("--state", f.state, string(ledger.AttachState))
	for _, text := range f.attach {
		file, role := attachment(text)
		add("--attach", file, string(role))
	}
	if n := len(f.attach); n > ledger.MaxAttachments || n == ledger.MaxAttachments && f.state != "" {
		return u, &usageError{code: "too_many_attachments", text: fmt.Sprintf("a checkpoint has at most %d attachments", ledger.MaxAttachments), hint: "put several files into one archive, or add another checkpoint"}
	}
	return u, nil
}

// bring opens the files that a command brings.
func (a *app) bring(f uploadFlags) (err error) {
	if a.uploads, err = f.list(); err != nil {
		return err
	}
	return a.uploads.open(&a.console)
}

// attachment splits FILE:ROLE. What follows the last colon is a part of the file's name if
// it is not a role.
func attachment(text string) (string, ledger.AttachmentRole) {
	if i := strings.LastIndex(text, ":"); i > 0 {
		for _, role := range ledger.AttachmentRoles {
			if text[i+1:] == string(role) {
				return text[:i], role
			}
		}
	}
	return text, ledger.AttachArtifact
}

// open opens the files, before anything is written. A pipe is read to its end.
func (u uploads) open(c *console) error {
	for _, f := range u.files {
		if err := f.open(c, u.limit); err != nil {
			return err
		}
	}
	return nil
}

func (f *upload) open(c *console, limit int64) error {
	in, err := c.openInput(f.file, 0)
	if err != nil {
		return err
	}
	opened, err := seekable(in, limit)
	if err != nil {
		in.close()
		return err
	}
	f.opened = opened
	if f.size, err = f.opened.Seek(0, io.SeekEnd); err != nil {
		return in.failed(err)
	}
	if f.file != fromStdin {
		f.name = filepath.Base(f.file)
	}
	switch {
	case f.size > limit:
		err = &usageError{code: "content_too_large", text: fmt.Sprintf("%s has %d bytes, and may have %d", in.name, f.size, limit), hint: "raise --max-content, or keep it elsewhere and name where"}
	case f.size == 0 && f.flag != "--attach" && f.flag != "--log":
		err = in.empty()
	case f.name != "":
		err = ledger.FieldFileName.Check(f.name)
	}
	return err
}

// seekable returns a regular file as it is, and a copy of all else, which has no name.
func seekable(in *input, limit int64) (*os.File, error) {
	if in.file != nil {
		if info, err := in.file.Stat(); err == nil && info.Mode().IsRegular() {
			return in.file, nil
		}
	}
	defer in.close()
	file, err := spool()
	if err == nil {
		_, err = io.Copy(file, io.LimitReader(in, limit+1))
	}
	if err != nil {
		return nil, in.failed(err)
	}
	return file, nil
}

// media returns the media type that the end of a file's name stands for, or "".
func media(name string) string {
	return mediaTypes[strings.ToLower(filepath.Ext(name))]
}

var mediaTypes = map[string]string{
	".csv": "text/csv", ".diff": "text/x-diff", ".gz": "application/gzip", ".html": "text/html", ".jpeg": "image/jpeg", ".jpg": "image/jpeg",
	".json": "application/json", ".jsonl": "application/jsonl", ".log": "text/plain", ".md": "text/markdown", ".patch": "text/x-diff", ".pdf": "application/pdf",
	".png": "image/png", ".tar": "application/x-tar", ".txt": "text/plain", ".xml": "application/xml", ".yaml": "application/yaml", ".yml": "application/yaml", ".zip": "application/zip",
}

// withContent keeps the content that a command brings, and returns the request with what it
// names. The ledger is open. If the command is printed to be signed, the content is durable.
func (a *app) withContent(ctx context.Context, l *connect.Ledger, r commands.Request, printed bool) (commands.Request, error) {
	r, err := bringGate(ctx, a, l, r, printed)
	if err != nil {
		return r, err
	}
	if err := a.checkErased(ctx, l, r); err != nil || len(a.uploads.files) == 0 {
		return r, err
	}
	keep := connect.KeepNamed
	switch {
	case r.DryRun:
		keep, r.ContentLater = connect.KeepNot, true
	case printed: // another process submits the command
		keep = connect.KeepNow
	}
	if err := amendIntent(ctx, a, l, r); err != nil {
		return r, err
	}
	for _, f := range a.uploads.files {
		if _, err := f.opened.Seek(0, io.SeekStart); err != nil {
			return r, fmt.Errorf("reading %s: %w", f.file, err)
		}
		put, err := l.PutContent(ctx, r.JobID, connect.Upload{
			Name: f.name, MediaType: media(f.name), Bytes: f.opened, Keep: keep, Limit: a.uploads.limit, NewJob: commands.RowOf(r.Command).BeginsJob,
		})
		if err != nil {
			return r, fmt.Errorf("keeping %s: %w", f.file, err)
		}
		r.Command = naming(r.Command, put.Content, f.as)
	}
	return r, r.Check()
}

// naming returns a command that names content, too.
func naming(c commands.Command, named ledger.Content, as string) commands.Command {
	if add, ok := c.(commands.AddCheckpoint); ok {
		if as == projection.AsSubject {
			add.Subject = named
			return add
		}
		add.Attachments = append(add.Attachments[:len(add.Attachments):len(add.Attachments)], ledger.Attachment{Content: named, Role: ledger.AttachmentRole(as)})
		return add
	}
	if settle, ok := c.(commands.GateSettle); ok {
		settle.Result = named
		return settle
	}
	if approve, ok := c.(commands.Approve); ok {
		approve.Amended = named
		return approve
	}
	if submit, ok := c.(commands.Submit); ok {
		submit.Input = named
		return submit
	}
	if end, ok := c.(commands.EndAttempt); ok {
		end.Log = named
		return end
	}
	return c
}

// checkErased fails if a request erases content that no event of the job names: a mistyped
// digest would be recorded, and nothing erased.
func (a *app) checkErased(ctx context.Context, l *connect.Ledger, r commands.Request) error {
	erase, ok := r.Command.(commands.EraseContent)
	if !ok {
		return nil
	}
	list, err := l.ListContent(ctx, r.JobID)
	if err != nil {
		return err
	}
	for _, c := range list {
		if c.Digest == erase.Digest {
			return nil
		}
	}
	return &connect.UnnamedError{Job: r.JobID, Digest: erase.Digest}
}
