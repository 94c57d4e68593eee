package main

import (
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/pflag"
	"golang.org/x/sys/unix"

	"gait/commands/token"
	"gait/ledger"
	"gait/ledger/content"
	"gait/ledger/home"
)

// serveFlags are the flags of gait serve.
type serveFlags struct {
	listen, tokenFile string
	cert, key         string // of --tls-cert and --tls-key
	systemd, launchd  bool
	log               logFlags
	maxContent        int64
	mcp               bool
	mcpPolicy         string
	mcpTokenFile      string
	mcpActor          string
	notify            []string
}

func (f *serveFlags) add(set *pflag.FlagSet) {
	set.StringVar(&f.listen, "listen", "", "listen on this address and port too, such as 127.0.0.1:7070")
	set.StringVar(&f.tokenFile, "token-file", "", "file with a token with which requests to --listen are your own; made if there is none")
	set.StringVar(&f.cert, "tls-cert", "", "file with the certificates, in PEM, with which --listen encrypts")
	set.StringVar(&f.key, "tls-key", "", "file with the private key of --tls-cert, in PEM")
	set.Int64Var(&f.maxContent, "max-content", content.DefaultLimit, "how many bytes of one file of a job are accepted")
	set.BoolVar(&f.mcp, "mcp", false, "serve MCP too, at /mcp: what gait mcp serve offers, to many clients")
	set.StringVar(&f.mcpPolicy, "mcp-policy", "", "file with the policy that a job which is submitted over MCP is bound to; implies --mcp")
	set.StringVar(&f.mcpTokenFile, "mcp-token-file", "", "file with a token for agents, which is good for /mcp at --listen alone; made if there is none; implies --mcp")
	set.StringVar(&f.mcpActor, "mcp-actor", agentActor, "who acts with the token of --mcp-token-file, as a worker")
	set.StringArrayVar(&f.notify, "notify", nil, "URL of a webhook, or a program, that is told of decisions and stops; may be repeated")
	set.StringVar(&f.log.format, "log-format", "text", "how log lines on stderr are written: text or json")
	set.StringVar(&f.log.level, "log-level", "", "what is logged: debug, info, warn or error (default info)")
	set.BoolVar(&f.log.quiet, "quiet", false, "log errors only, and do not print that commands are accepted")
	set.BoolVar(&f.systemd, "systemd", false, "print a systemd unit that serves this root, and do nothing else")
	set.BoolVar(&f.launchd, "launchd", false, "print a launchd property list that serves this root, and do nothing else")
}

// check also refuses addresses that processes of other machines can reach.
func (f serveFlags) check() error {
	err := f.log.check()
	if err == nil {
		err = f.checkMCP()
	}
	if err == nil {
		_, err = notifyTargetsOf(f.notify)
	}
	if err != nil {
		return err
	}
	if f.maxContent <= 0 || f.maxContent > content.MaxSize {
		return &usageError{code: "invalid_usage", text: fmt.Sprintf("--max-content takes 1 to %d, not %d", int64(content.MaxSize), f.maxContent), hint: helpHint}
	}
	if (f.systemd || f.launchd) && (f.listen != "" || len(f.notify) > 0 || f.systemd && f.launchd) {
		return &usageError{code: "invalid_usage", text: "--systemd and --launchd print a unit each, and take no --listen or --notify", hint: "add --listen and --notify to the unit's command line"}
	}
	if f.listen == "" {
		if f.tokenFile != "" || f.cert != "" || f.key != "" {
			return &usageError{code: "invalid_usage", text: "--token-file, --tls-cert and --tls-key are for --listen", hint: "--listen 127.0.0.1:7070"}
		}
		return nil
	}
	if (f.cert == "") != (f.key == "") {
		return &usageError{code: "invalid_usage", text: "--tls-cert and --tls-key belong together", hint: "--tls-cert FILE --tls-key FILE"}
	}
	at, err := netip.ParseAddrPort(f.listen)
	if err != nil {
		return &usageError{code: "invalid_listen", text: fmt.Sprintf("--listen takes an address and a port, not %.80q", f.listen), hint: "--listen 127.0.0.1:7070"}
	}
	if !at.Addr().IsLoopback() && f.cert == "" {
		return &unsafeError{code: "not_loopback", text: f.listen + " can be reached from elsewhere, and nothing is encrypted", hint: "add --tls-cert FILE --tls-key FILE, or listen on 127.0.0.1, and let ssh -L or a proxy with TLS forward to it"}
	}
	if !at.Addr().IsLoopback() && f.tokenFile != "" {
		return &unsafeError{code: "not_loopback", text: "the token of --token-file admits to everything, and " + f.listen + " can be reached from elsewhere", hint: "leave --token-file out: gait serve token add makes a token for one actor in one role"}
	}
	return nil
}

// servesMCP reports whether MCP is served too.
func (f serveFlags) servesMCP() bool { return f.mcp || f.mcpPolicy != "" || f.mcpTokenFile != "" }

// checkMCP checks the flags that are for MCP.
func (f serveFlags) checkMCP() error {
	if !f.servesMCP() {
		return nil
	}
	if err := ledger.FieldActor.Check(f.mcpActor); err != nil {
		return &usageError{code: "invalid_usage", text: "--mcp-actor: " + err.Error(), hint: "--mcp-actor " + agentActor}
	}
	if f.systemd || f.launchd {
		return &usageError{code: "invalid_usage", text: "--systemd and --launchd take no --mcp", hint: "add --mcp to the unit's command line"}
	}
	if f.mcpTokenFile != "" && f.listen == "" {
		return &usageError{code: "invalid_usage", text: "--mcp-token-file is for --listen", hint: "--listen 127.0.0.1:7070"}
	}
	return nil
}

func (f serveFlags) scheme() string {
	if f.cert != "" {
		return "https"
	}
	return "http"
}

// checkTokens refuses an address that admits no client.
func (f serveFlags) checkTokens(homeDir, origin string) error {
	if f.listen == "" || f.tokenFile != "" || f.mcpTokenFile != "" {
		return nil
	}
	all, err := home.Tokens(homeDir, origin)
	if err != nil || len(all) > 0 {
		return err
	}
	return &usageError{
		code: "invalid_usage", text: "--listen needs a token, since every user of this machine can reach a port: there is none, and no --token-file",
		hint: "gait serve token add --actor NAME --role " + ledger.OneOf(token.Roles()) + "; or, to be yourself there: --token-file ~/.config/gait/token",
	}
}

// tlsConfig returns how connections to --listen are encrypted, or nil if they are not.
func (f serveFlags) tlsConfig() (*tls.Config, error) {
	if f.cert == "" {
		return nil, nil
	}
	if st, err := os.Stat(f.key); err == nil && st.Mode().Perm()&0o077 != 0 {
		return nil, &home.UnsafeError{Path: f.key, Problem: "others can read the key", Hint: "chmod 600 " + quoted(f.key)}
	}
	pair, err := tls.LoadX509KeyPair(f.cert, f.key)
	if err != nil {
		return nil, &usageError{code: "invalid_tls", text: fmt.Sprintf("%s and %s are no certificate and its key in PEM: %v", f.cert, f.key, err), hint: "--tls-cert FILE --tls-key FILE"}
	}
	return &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{pair}, NextProtos: []string{"http/1.1"}}, nil
}

// tokenIn reads the token for requests over TCP from a file, and creates the file
// if there is none.
func tokenIn(a *app, flag, path string) (string, error) {
	if path == toStdout {
		return "", &usageError{code: "invalid_usage", text: flag + " names a file that is kept, and standard output is none", hint: flag + " ~/.config/gait/token"}
	}
	b, err := readToken(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return b, err
	}
	if err := a.checkTilde(flag, path); err != nil {
		return "", err
	}
	if err := notInRoot(flag, path); err != nil { // a home is a good place for it
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
		return "", &unsafeError{code: "would_overwrite", text: path + " is a link to a file that is not there", hint: "make that file, or name another one with " + flag}
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
	text := strings.TrimSpace(string(ledger.PlainText(b)))
	if err == nil && len(text) < 32 {
		err = &usageError{code: "invalid_token", text: path + " holds no token of 32 characters or more", hint: "remove it: a new one is made"}
	}
	return text, err
}
