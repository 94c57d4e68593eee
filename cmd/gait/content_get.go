package main

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"gait/commands/connect"
	"gait/ledger"
)

// maxInJSON is how many bytes of content the output with --json has at most.
const maxInJSON = 1 << 20

func contentGetCommand(a *app) *cobra.Command {
	var id, out string
	cmd := exits(&cobra.Command{
		Use:   "get DIGEST",
		Short: "Print content of a job, or write it to a file",
		Long: `Print content of a job, or write it to a file, once all of its bytes were compared with
the digest. Without --id the job that names it is looked for, which reads the whole
ledger. With --json and without --out, the bytes are in the field base64. A file with
other bytes is not overwritten.`,
		Example: "gait content get 3f0c… --id job_1 --out subject.json\ngait content get 3f0c… --id job_1 | jq .",
	}, 0, 1, 2, 6, 7, 8)
	cmd.Flags().StringVar(&id, "id", "", "the job's id (default: the first job that names it)")
	cmd.Flags().StringVar(&out, "out", "", "file to write instead, which is not overwritten; "+outForms)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		digest, err := oneDigest("", args)
		if err != nil {
			return err
		}
		a.about(id)
		var to *outFile
		if out != "" {
			f, err := a.outFile("--out", out)
			if err != nil {
				return err
			}
			to = &f
		}
		var fields object
		err = a.read(cmd.Context(), func(l *connect.Ledger) (err error) {
			fields, err = a.getContent(cmd.Context(), l, id, digest, to)
			return err
		})
		if err != nil || to == nil && !a.json {
			return err
		}
		if to != nil {
			fields["path"] = out
		}
		return a.print(fields, func(s *screen) { s.done("wrote %v bytes to %s", fields["size"], out) })
	}
	return cmd
}

// getContent writes content to a file, or if that is nil to standard output, or with --json
// into the fields that it returns.
func (a *app) getContent(ctx context.Context, l *connect.Ledger, id string, digest ledger.Hash, to *outFile) (object, error) {
	if id == "" {
		jobs, err := jobsNaming(ctx, l, digest)
		if err != nil {
			return nil, err
		}
		if len(jobs) == 0 {
			return nil, &usageError{code: "content_not_found", text: fmt.Sprintf("no event names the content %s", digest), hint: "gait content list shows what there is"}
		}
		id = jobs[0]
		a.about(id)
	}
	r, err := l.GetContent(ctx, id, digest)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	c := r.Content
	fields := object{"job_id": id, "digest": digest, "size": c.Size}
	for name, text := range map[string]string{"name": c.Name, "media_type": c.MediaType} {
		if text != "" {
			fields[name] = text
		}
	}
	switch {
	case to != nil:
		return fields, writeContent(*to, r)
	case !a.json:
		if isTerminal(a.stdout) {
			return fields, &usageError{code: "invalid_usage", text: "a terminal may take bytes of a file as commands", hint: "write it to a file: --out FILE, or to a pipe"}
		}
		_, err := io.Copy(a.stdout, r)
		return fields, err
	case c.Size > maxInJSON:
		return nil, &usageError{code: "content_too_large", text: fmt.Sprintf("%d bytes are too many for JSON", c.Size), hint: "write it to a file: --out FILE"}
	}
	b, err := io.ReadAll(r)
	fields["base64"] = base64.StdEncoding.EncodeToString(b)
	return fields, err
}

// writeContent writes content to a file, whole or not at all. A file with other bytes stays.
func writeContent(to outFile, r io.Reader) error {
	p, err := to.begin()
	if err != nil {
		return fmt.Errorf("writing %s: %w", to, err)
	}
	defer p.remove()
	if _, err := io.Copy(io.NewOffsetWriter(p, 0), r); err != nil {
		return fmt.Errorf("writing %s: %w", to, err)
	}
	if err := p.replacesOther(); err != nil {
		return err
	}
	return p.keep()
}
