package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"gait/ledger"
)

// A passphraseFlag says where the passphrase of a sealed key comes from: a file, or the
// terminal.
type passphraseFlag struct {
	app  *app
	file string
}

func (f *passphraseFlag) add(a *app, cmd *cobra.Command) {
	f.app = a
	cmd.Flags().StringVar(&f.file, "passphrase-file", "", "file with the passphrase; without it, the terminal is asked")
}

// maxPassphrase bounds a passphrase, in bytes.
const maxPassphrase = 1 << 10

// given returns the passphrase of a key that is there: of what says which.
func (f passphraseFlag) given(ctx context.Context, what string) ([]byte, error) {
	if f.file != "" {
		return f.read()
	}
	return askTerminal(ctx, "passphrase of "+what)
}

// chosen returns the passphrase for a key that is to be sealed. A terminal is asked twice.
func (f passphraseFlag) chosen(ctx context.Context, what string) ([]byte, error) {
	if f.file != "" {
		return f.read()
	}
	first, err := askTerminal(ctx, "new passphrase for "+what, "again")
	if err == nil && len(first) == 0 {
		err = badPassphrase("the passphrase is empty")
	}
	return first, err
}

func badPassphrase(text string) error {
	return &usageError{code: "invalid_passphrase", text: text, hint: "a passphrase is one line, of 1 to 1024 bytes; --passphrase-file FILE reads it from a file"}
}

// read reads the passphrase from the file. The newline at its end does not belong to it.
func (f passphraseFlag) read() ([]byte, error) {
	b, err := f.app.readFile(f.file, maxPassphrase)
	if err != nil {
		return nil, err
	}
	b = bytes.TrimSuffix(bytes.TrimSuffix(ledger.PlainText(b), []byte("\n")), []byte("\r"))
	if bytes.ContainsAny(b, "\n\x00") {
		return nil, badPassphrase(f.file + " holds more than one line")
	}
	return b, nil
}

// openTTY opens the process's terminal, which may be there although standard input is
// something else.
func openTTY() (*os.File, error) { return os.OpenFile("/dev/tty", os.O_RDWR, 0) }

// askTerminal asks on the process's terminal, without showing what is typed. With more
// than one prompt, all answers must be the same.
func askTerminal(ctx context.Context, prompts ...string) ([]byte, error) {
	tty, err := openTTY()
	if err != nil {
		return nil, &usageError{code: "passphrase_missing", text: "there is no terminal to ask for the passphrase", hint: "add --passphrase-file FILE"}
	}
	defer tty.Close()
	var first []byte
	for i, prompt := range prompts {
		fmt.Fprintf(tty, "%s: ", prompt)
		answer, err := readHidden(ctx, tty)
		fmt.Fprintln(tty)
		switch {
		case err != nil:
			return nil, fmt.Errorf("asking for the passphrase: %w", err)
		case len(answer) > maxPassphrase:
			return nil, badPassphrase("the passphrase is too long")
		case i == 0:
			first = answer
		case !bytes.Equal(answer, first):
			return nil, &usageError{code: "invalid_passphrase", text: "the two passphrases differ", hint: "run it again"}
		}
	}
	return first, nil
}

// readHidden reads a line from a terminal that does not show it. If ctx ends first, the
// terminal is as it was before.
func readHidden(ctx context.Context, tty *os.File) ([]byte, error) {
	fd := int(tty.Fd())
	was, err := term.GetState(fd)
	if err != nil {
		return nil, err
	}
	type answer struct {
		line []byte
		err  error
	}
	answered := make(chan answer, 1)
	go func() {
		line, err := term.ReadPassword(fd)
		answered <- answer{line, err}
	}()
	select {
	case a := <-answered:
		return a.line, a.err
	case <-ctx.Done():
		return nil, errors.Join(context.Cause(ctx), term.Restore(fd, was))
	}
}
