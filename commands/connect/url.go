package connect

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"

	"gait/commands/daemon"
	"gait/commands/token"
	"gait/ledger"
	"gait/ledger/home"
	"gait/ledger/root"
)

// A URL says where a daemon is reached: http://127.0.0.1:7070, https://HOST:PORT or
// unix:/PATH. The zero URL is none.
type URL struct {
	text   string
	scheme string
	at     string // host and port, or the path of a socket
}

// ErrURL says that a text is not the URL of a daemon.
var ErrURL = ledger.NewError("not the URL of a daemon", ledger.Fault{Code: "invalid_url", Category: ledger.CategoryInvalid})

// ErrPlainURL says that a URL without TLS leads to another machine.
var ErrPlainURL = ledger.NewError("it leads to another machine, and nothing is encrypted", ledger.Fault{Code: "not_loopback", Category: ledger.CategoryUnsafe})

// ParseURL reads the URL of a daemon. Errors wrap ErrURL or ErrPlainURL.
func ParseURL(text string) (URL, error) {
	if path, ok := strings.CutPrefix(text, "unix:"); ok {
		path = strings.TrimPrefix(path, "//")
		if !filepath.IsAbs(path) {
			return URL{}, fmt.Errorf("%w: %.200q is unix: and no absolute path", ErrURL, text)
		}
		return URL{text: text, scheme: "unix", at: path}, nil
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
		return URL{}, fmt.Errorf("%w: %.200q is not http://127.0.0.1:PORT, https://HOST:PORT or unix:/PATH", ErrURL, text)
	}
	if u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		return URL{}, fmt.Errorf("%w: %.200q has more than a host and a port", ErrURL, text)
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	if u.Scheme == "http" && !isLoopback(u.Hostname()) {
		return URL{}, fmt.Errorf("%.200q: %w", text, ErrPlainURL)
	}
	return URL{text: text, scheme: u.Scheme, at: net.JoinHostPort(u.Hostname(), port)}, nil
}

func isLoopback(host string) bool {
	at, err := netip.ParseAddr(host)
	return err == nil && at.IsLoopback() || strings.EqualFold(host, "localhost")
}

// String returns the URL as it was given.
func (u URL) String() string { return u.text }

// IsZero reports whether u is the zero URL.
func (u URL) IsZero() bool { return u == URL{} }

// Remote says how to reach a ledger through a daemon's URL, without its root.
type Remote struct {
	URL     URL            // the zero URL: the ledger is that of the root
	Token   *token.Token   // proves who asks; nil at a socket of the user's own
	CAs     *x509.CertPool // that may vouch for the daemon; nil: those of the system
	Entropy io.Reader
}

// ErrTokenNeeded says that a URL needs a token.
var ErrTokenNeeded = ledger.NewError("a daemon at a TCP address asks for a token", ledger.Fault{Code: "token_invalid", Category: ledger.CategoryPolicy})

// dialURL asks the daemon at a URL for its ledger.
func dialURL(ctx context.Context, o Options) (*daemonLog, error) {
	r := o.Remote
	d := &daemonLog{home: o.Home, url: r.URL}
	c := &daemon.Client{HTTP: &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}, Timeout: o.timeout()}
	if r.URL.scheme == "unix" {
		var err error
		if d.at, err = socketAt(r.URL.at); errors.Is(err, fs.ErrNotExist) {
			return nil, &MissingError{Dir: r.URL.String()}
		}
		if err != nil {
			return nil, home.InRoot.Unreadable(r.URL.at, err)
		}
		d.transport = daemon.Transport(d.at.dial)
	} else {
		if r.Token == nil {
			return nil, ErrTokenNeeded
		}
		var remote atomic.Value
		d.transport = daemon.Transport(func(ctx context.Context) (net.Conn, error) {
			conn, err := new(net.Dialer).DialContext(ctx, "tcp", r.URL.at)
			if err == nil {
				remote.Store(conn.RemoteAddr().String())
			}
			return conn, err
		})
		d.transport.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: r.CAs}
		c.Base = r.URL.scheme + "://" + r.URL.at
		c.Credential = credential(o)
		if r.URL.scheme == "http" {
			c.Credential.Remote = func() string { at, _ := remote.Load().(string); return at }
		}
	}
	if r.Token != nil && c.Credential == nil {
		c.Credential = credential(o)
	}
	c.HTTP.Transport, d.client = d.transport, c
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	var err error
	if d.Ledger, err = c.Open(ctx); err != nil {
		d.Close()
		return nil, fmt.Errorf("asking the daemon at %s: %w", r.URL, err)
	}
	return d, nil
}

// socketAt returns the socket at a path: that of a root, as find does, or any other.
func socketAt(path string) (socket, error) {
	if filepath.Base(path) == SocketName {
		return find(filepath.Dir(path))
	}
	_, err := os.Lstat(path)
	return socket{root: filepath.Dir(path), path: path, uid: os.Getuid()}, err
}

// credential returns what proves who asks.
func credential(o Options) *daemon.Credential {
	return &daemon.Credential{
		Token: *o.Remote.Token, Entropy: o.Remote.Entropy, Now: o.Now,
		Trusted: func(key ledger.VerifierKey) error { return root.TrustsKey(o.Home, key) },
	}
}

// joinURL opens the ledger that a daemon at a URL serves.
func joinURL(ctx context.Context, o Options) (*Ledger, error) {
	d, err := dialURL(ctx, o)
	if err != nil {
		return nil, err
	}
	signer, err := root.JoinElsewhere(ctx, o.Options, d, d.Renew)
	if err == nil {
		err = d.settle(o)
	}
	if older, ok := errors.AsType[*home.RolledBackError](err); ok {
		older.Dir = o.Remote.URL.String()
	}
	if err != nil {
		d.Close()
		return nil, fmt.Errorf("opening the ledger at %s: %w", o.Remote.URL, err)
	}
	return d.opened(o, signer, d.place()), nil
}

// place returns the root that the daemon serves, if this process can see it, and else the
// URL.
func (d *daemonLog) place() string {
	p := d.Process()
	if id, err := root.LockID(p.Root); p.Lock != "" && err == nil && id == p.Lock {
		return p.Root
	}
	return d.url.String()
}

// A NoRootError says that what was asked for needs the ledger's root, and that the ledger
// is reached through a URL.
type NoRootError struct{ URL string }

func (e *NoRootError) Error() string {
	return "it needs the ledger's own files, and cannot be done through " + e.URL
}

// Fault returns the error's code, needs_root.
func (*NoRootError) Fault() ledger.Fault {
	return ledger.Fault{Code: "needs_root", Category: ledger.CategoryInvalid}
}
