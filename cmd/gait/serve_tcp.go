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

	"gait/ledger/root"
)

// serveFlags are those of serve.
type serveFlags struct {
	listen, tokenFile string
	systemd, launchd  bool
}

// check refuses to listen where others than this machine's processes can ask.
func (f serveFlags) check() error {
	if (f.systemd || f.launchd) && (f.listen != "" || f.systemd && f.launchd) {
		return &usageError{code: "invalid_usage", text: "--systemd and --launchd print a unit each, and take nothing else", hint: "add --listen to the unit's command line"}
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

// token reads the token of requests over TCP, and makes one where there is none.
func (a *app) token(path string) (string, error) {
	b, err := readToken(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return b, err
	}
	random := make([]byte, 32)
	if _, err := io.ReadFull(a.entropy, random); err != nil {
		return "", fmt.Errorf("making a token: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", err
	}
	text := hex.EncodeToString(random)
	_, err = f.WriteString(text + "\n")
	return text, errors.Join(err, f.Close())
}

func readToken(path string) (string, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0) // a pipe would be waited for
	if err != nil {
		return "", err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", err
	}
	if info.Mode().Perm()&0o077 != 0 || !info.Mode().IsRegular() {
		return "", &root.UnsafeError{Path: path, Problem: "others can read the token", Hint: "chmod 600 " + path}
	}
	b, err := io.ReadAll(io.LimitReader(f, 4096))
	token := strings.TrimSpace(string(b))
	if err == nil && len(token) < 32 {
		err = &usageError{code: "invalid_token", text: path + " holds no token of 32 characters or more", hint: "remove it: a new one is made"}
	}
	return token, err
}
