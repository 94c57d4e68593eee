package main

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"gait/ledger"
	"gait/ledger/home"
)

// serveFlags are the flags of gait serve.
type serveFlags struct {
	listen, tokenFile string
	systemd, launchd  bool
	log               logFlags
}

// check also refuses addresses that processes of other machines can reach.
func (f serveFlags) check() error {
	if err := f.log.check(); err != nil {
		return err
	}
	if (f.systemd || f.launchd) && (f.listen != "" || f.systemd && f.launchd) {
		return &usageError{code: "invalid_usage", text: "--systemd and --launchd print a unit each, and take no --listen", hint: "add --listen to the unit's command line"}
	}
	if f.listen == "" {
		if f.tokenFile != "" {
			return &usageError{code: "invalid_usage", text: "--token-file is for --listen", hint: "--listen 127.0.0.1:7070"}
		}
		return nil
	}
	at, err := netip.ParseAddrPort(f.listen)
	if err != nil {
		return &usageError{code: "invalid_listen", text: fmt.Sprintf("--listen takes an address and a port, not %.80q", f.listen), hint: "--listen 127.0.0.1:7070"}
	}
	if !at.Addr().IsLoopback() {
		return &unsafeError{code: "not_loopback", text: f.listen + " can be reached from elsewhere, and nothing is encrypted", hint: "listen on 127.0.0.1, and let ssh -L or a proxy with TLS forward to it"}
	}
	if f.tokenFile == "" {
		return &usageError{code: "invalid_usage", text: "--listen needs --token-file: every user of this machine can reach a port", hint: "--token-file ~/.config/gait/token"}
	}
	return nil
}

// tokenIn reads the token for requests over TCP from a file, and creates the file
// if there is none.
func tokenIn(a *app, path string) (string, error) {
	if path == toStdout {
		return "", &usageError{code: "invalid_usage", text: "--token-file names a file that is kept, and standard output is none", hint: "--token-file ~/.config/gait/token"}
	}
	b, err := readToken(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return b, err
	}
	if err := a.checkTilde("--token-file", path); err != nil {
		return "", err
	}
	if err := notInRoot("--token-file", path); err != nil { // a home is a good place for it
		return "", err
	}
	random := make([]byte, 32)
	if _, err := io.ReadFull(a.entropy, random); err != nil {
		return "", fmt.Errorf("making a token: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", err
	}
	if err := home.CheckWay(filepath.Dir(path)); err != nil { // another user may have made it
		return "", err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return "", &unsafeError{code: "would_overwrite", text: path + " is a link to a file that is not there", hint: "make that file, or name another one with --token-file"}
	}
	if err != nil {
		return "", err
	}
	text := hex.EncodeToString(random)
	_, err = f.WriteString(text + "\n")
	return text, errors.Join(err, f.Close())
}

// readToken reads the token in a file that no other user can read or replace.
func readToken(path string) (string, error) {
	if err := home.CheckWay(path); err != nil {
		return "", err
	}
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0) // do not wait for the writer of a pipe
	if err != nil {
		return "", err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() {
		return "", &unsafeError{code: "would_overwrite", text: path + " is no regular file, and no token is read from it", hint: "name a file with --token-file"}
	}
	if info.Mode().Perm()&0o077 != 0 {
		return "", &home.UnsafeError{Path: path, Problem: "others can read the token", Hint: "chmod 600 " + path}
	}
	b, err := io.ReadAll(io.LimitReader(f, 4096))
	token := strings.TrimSpace(string(ledger.PlainText(b)))
	if err == nil && len(token) < 32 {
		err = &usageError{code: "invalid_token", text: path + " holds no token of 32 characters or more", hint: "remove it: a new one is made"}
	}
	return token, err
}
