package connect_test

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gait/commands"
	"gait/commands/connect"
	"gait/ledger"
	"gait/ledger/content"
	"gait/ledger/root"
)

// withContent calls f with a ledger that has job j1, opened here and through a daemon.
func withContent(t *testing.T, f func(*testing.T, connect.Options)) {
	for _, mode := range []connect.Daemon{connect.Never, connect.Require} {
		t.Run(string(mode), func(t *testing.T) {
			o := options(t.TempDir())
			o.Daemon = mode
			if mode == connect.Require {
				d, err := serve(t.Context(), o)
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { d.kill() })
			}
			if _, err := connect.Do(t.Context(), o, commands.Request{JobID: "j1", Actor: "w", Command: commands.Submit{EnvironmentFingerprint: "envfp:a", ProducerVersion: "p"}}); err != nil {
				t.Fatal(err)
			}
			f(t, o)
		})
	}
}

func attach(c ledger.Content) commands.Request {
	return commands.Request{JobID: "j1", Actor: "w", Command: commands.AddCheckpoint{
		Type: ledger.CheckpointProgress, Summary: "step 1", Attachments: []ledger.Attachment{{Content: c, Role: ledger.AttachLog}},
	}}
}

// Content of any size is put, named, listed, read and erased.
func TestContent(t *testing.T) {
	withContent(t, func(t *testing.T, o connect.Options) {
		for _, size := range []int{0, 1, content.SmallSize + 1, 3 << 20} {
			text := strings.Repeat("x", size)
			digest := putAndName(t, o, text)
			checkContent(t, o, digest, text)
			erase := commands.Request{JobID: "j1", Actor: "w", Reason: "by request", Command: commands.EraseContent{Digest: digest}}
			if _, err := connect.Do(t.Context(), o, erase); err != nil {
				t.Fatal(err)
			}
			if _, err := readContent(t.Context(), o, digest); codeOf(err) != "content_erased" {
				t.Errorf("reading what was erased = %v, want content_erased", err)
			}
		}
	})
}

func putAndName(t *testing.T, o connect.Options, text string) (digest ledger.Hash) {
	t.Helper()
	err := connect.With(t.Context(), o, func(l *connect.Ledger) error {
		put, err := l.PutContent(t.Context(), "j1", connect.Upload{Name: "log.txt", MediaType: "text/plain", Bytes: strings.NewReader(text)})
		if err != nil {
			return err
		}
		digest = put.Digest
		_, err = l.Do(t.Context(), attach(put.Content))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return digest
}

func checkContent(t *testing.T, o connect.Options, digest ledger.Hash, want string) {
	t.Helper()
	if got, err := readContent(t.Context(), o, digest); err != nil || got != want {
		t.Errorf("content of %d bytes reads as %d bytes, %v", len(want), len(got), err)
	}
	o.Mode = root.Read
	err := connect.With(t.Context(), o, func(l *connect.Ledger) error {
		list, err := l.ListContent(t.Context(), "j1")
		if err != nil {
			return err
		}
		last := list[len(list)-1]
		if last.Digest != digest || last.State != connect.ContentPresent || last.Name != "log.txt" || last.Size != int64(len(want)) || last.Uses[0].As != "log" {
			t.Errorf("ListContent = %+v, want the content %s, present", last, digest)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func readContent(ctx context.Context, o connect.Options, digest ledger.Hash) (text string, err error) {
	o.Mode = root.Read
	err = connect.With(ctx, o, func(l *connect.Ledger) error {
		r, err := l.GetContent(ctx, "j1", digest)
		if err != nil {
			return err
		}
		defer r.Close()
		b, err := io.ReadAll(r)
		text = string(b)
		return err
	})
	return text, err
}

func codeOf(err error) string {
	f, _ := ledger.FaultOf(err)
	if err == nil {
		return ""
	}
	return f.Code
}

// What no event names, what is damaged and what is missing is told apart.
func TestContentThatIsNotThere(t *testing.T) {
	withContent(t, func(t *testing.T, o connect.Options) {
		if _, err := readContent(t.Context(), o, ledger.Hash{1}); codeOf(err) != "content_not_found" {
			t.Errorf("reading what no event names = %v, want content_not_found", err)
		}
		digest := putAndName(t, o, "a log")
		file := filepath.Join(o.Dir, "content", "jobs", content.OwnerOf("j1").String(), digest.String())
		kept, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, bytes.ToUpper(kept), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := readContent(t.Context(), o, digest); codeOf(err) != "content_damaged" {
			t.Errorf("reading what was changed = %v, want content_damaged", err)
		}
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
		if _, err := readContent(t.Context(), o, digest); codeOf(err) != "content_missing" {
			t.Errorf("reading what is not there = %v, want content_missing", err)
		}
	})
}

// Nothing is kept for a job that is not there, by a reader, or past the limit.
func TestPutIsRefused(t *testing.T) {
	withContent(t, func(t *testing.T, o connect.Options) {
		put := func(job string, mode root.Mode, u connect.Upload) error {
			o.Mode = mode
			u.Bytes = strings.NewReader("abc")
			return connect.With(t.Context(), o, func(l *connect.Ledger) error {
				_, err := l.PutContent(t.Context(), job, u)
				return err
			})
		}
		for _, tt := range []struct {
			job  string
			mode root.Mode
			u    connect.Upload
			want string
		}{
			{"j9", root.Once, connect.Upload{}, "job_not_found"},
			{"j9", root.Once, connect.Upload{NewJob: true}, ""},
			{"j9", root.Once, connect.Upload{}, "job_not_found"}, // as before: to keep content begins no job
			{"no job", root.Once, connect.Upload{NewJob: true}, "invalid_job_id"},
			{"j9", root.Read, connect.Upload{Keep: connect.KeepNot, NewJob: true}, ""},
			{"j1", root.Once, connect.Upload{NewJob: true}, ""},
			{"j1", root.Read, connect.Upload{}, "internal_failure"},
			{"j1", root.Once, connect.Upload{Limit: 2}, "content_too_large"},
			{"j1", root.Once, connect.Upload{Limit: 3}, ""},
			{"j1", root.Read, connect.Upload{Keep: connect.KeepNot}, ""},
			{"j1", root.Once, connect.Upload{Keep: connect.KeepNow}, ""},
		} {
			if err := put(tt.job, tt.mode, tt.u); codeOf(err) != tt.want {
				t.Errorf("PutContent(%s, %+v) = %v, want %q", tt.job, tt.u, err, tt.want)
			}
		}
	})
}
