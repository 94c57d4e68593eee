package main

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"

	"gait/commands/connect"
	"gait/commands/token"
)

// usesURL reports whether the ledger of this command line is that of GAIT_URL: a --root on
// the command line says more.
func (s *surroundings) usesURL() bool { return s.dir == "" && s.getenv(urlVariable) != "" }

// remote returns how the ledger of GAIT_URL is reached. It is zero if there is none.
func (a *app) remote() (r connect.Remote, err error) {
	if !a.usesURL() {
		return r, nil
	}
	if r.URL, err = connect.ParseURL(a.getenv(urlVariable)); err != nil {
		return r, fmt.Errorf("%s: %w", urlVariable, err)
	}
	if a.getenv("GAIT_DAEMON") == string(connect.Never) {
		return r, &usageError{code: "invalid_daemon_mode", text: urlVariable + " names a daemon, and GAIT_DAEMON=never rules one out", hint: "unset GAIT_DAEMON"}
	}
	r.Entropy = a.entropy
	if r.Token, err = a.clientToken(); err != nil {
		return r, err
	}
	r.CAs, err = a.clientCAs()
	return r, err
}

// clientToken reads the token in the file of GAIT_TOKEN_FILE, which no other user may be
// able to read. It returns nil if the variable is not set.
func (s *surroundings) clientToken() (*token.Token, error) {
	path := s.getenv(tokenFileVariable)
	if path == "" {
		return nil, nil
	}
	if err := s.checkTilde(tokenFileVariable, path); err != nil {
		return nil, err
	}
	text, err := readToken(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &usageError{code: "invalid_token", text: tokenFileVariable + " names " + path + ", which is not there", hint: askForToken}
	}
	if err != nil {
		return nil, err
	}
	t, err := token.Parse(text)
	if err != nil {
		return nil, &usageError{code: "invalid_token", text: path + ": " + err.Error(), hint: askForToken}
	}
	return &t, nil
}

// tokenActor returns the actor of the token with which commands are sent, or "" if there
// is none. What is wrong with a token is said when it is used.
func (s *surroundings) tokenActor() string {
	if !s.usesURL() {
		return ""
	}
	t, err := s.clientToken()
	if t == nil || err != nil {
		return ""
	}
	return t.Actor
}

// clientCAs reads the certificates in the file of GAIT_CA, which alone may vouch for the
// daemon. It returns nil, for those of the system, if the variable is not set.
func (a *app) clientCAs() (*x509.CertPool, error) {
	path := a.getenv(caVariable)
	if path == "" {
		return nil, nil
	}
	if err := a.checkTilde(caVariable, path); err != nil {
		return nil, err
	}
	b, err := a.readFile(path, 1<<20)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", caVariable, err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(b) {
		return nil, &usageError{code: "invalid_ca", text: fmt.Sprintf("%s: %s holds no certificate in PEM", caVariable, path), hint: "name the file of the authority that signed the daemon's certificate, or the certificate itself"}
	}
	return pool, nil
}
