package daemon

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"

	"gait/ledger"
)

// Errors of requests that may not be made over TCP.
var (
	// ErrToken says that a request has no token, or a wrong one.
	ErrToken = ledger.NewError("the request does not carry the daemon's token", ledger.Fault{Code: "token_invalid", Category: ledger.CategoryPolicy})

	// ErrForeign says that a request is for another host, or was made by a page of
	// another host: a web page may have made a browser send it.
	ErrForeign = ledger.NewError("the request is for another host, or from a page of one", ledger.Fault{Code: "foreign_request", Category: ledger.CategoryPolicy})
)

// A Door says whom a server admits at one address.
type Door struct {
	Address string // at which the server listens

	// Own says that the system lets only the user's own processes connect: a request
	// without a token is the user's.
	Own bool

	// TLS says that connections are encrypted, and the server is known by its
	// certificate: it may be asked for under any name.
	TLS bool

	// Bearer is the token with which a request is the user's. If it is empty, none is.
	Bearer string

	// Agents admits those who can do no more than send a token.
	Agents Agents

	// Tokens finds the holder of a token by its id. Signer, the ledger's, signs
	// challenges, whose nonces are made with Entropy. If Tokens is nil, no token of
	// this kind is accepted.
	Tokens  func(id string) (Holder, bool, error)
	Signer  ledger.Signer
	Entropy io.Reader
}

// Agents says how agents are admitted: by a token that they send, as one actor, to one path alone. With
// another token an agent could be another actor, and approve what it asks for itself.
type Agents struct {
	Token  string // if it is empty, none is admitted
	Path   string
	Holder Holder // whom the token stands for
}

// ErrPath says that a token does not open the path of a request.
var ErrPath = ledger.NewError("the token does not open this path", ledger.Fault{Code: "token_path", Category: ledger.CategoryPolicy})

// bearerKey is the key of whether a request was admitted by Door.Bearer, in its context.
type bearerKey struct{}

// ByBearer reports whether the request with a context was admitted as the user's by Door.Bearer.
func ByBearer(ctx context.Context) bool {
	by, ok := ctx.Value(bearerKey{}).(bool)
	return ok && by
}

// A knownConn is a connection whose listener takes its client for a stranger until
// Known is called.
type knownConn interface{ Known() }

// connKey is the key of a request's connection in its context.
type connKey struct{}

// Guard makes h, an HTTP server for one address, answer only requests that its door
// admits and that were not made by a web page; without TLS they must also be for this
// host. If all users of this machine can connect, a request must come soon, and one
// that is turned away ends its connection. If a connection has a method Known(), Guard
// calls it when a request is admitted.
func (s *Server) Guard(h *http.Server, d Door) error {
	g, err := newGuard(s, d, h.Handler)
	if err != nil {
		return err
	}
	if !d.Own {
		h.ReadHeaderTimeout = strangerTimeout
	}
	h.ConnContext = func(ctx context.Context, c net.Conn) context.Context { return context.WithValue(ctx, connKey{}, c) }
	h.Handler = g
	return nil
}

// A guard is a handler that lets only some requests through.
type guard struct {
	server *Server
	door   Door
	bearer [sha256.Size]byte
	agents [sha256.Size]byte
	proofs *proofs // nil if the door accepts none
	within http.Handler
}

func newGuard(s *Server, d Door, within http.Handler) (*guard, error) {
	g := &guard{server: s, door: d, bearer: sha256.Sum256([]byte(d.Bearer)), agents: sha256.Sum256([]byte(d.Agents.Token)), within: within}
	if d.Tokens == nil {
		return g, nil
	}
	var err error
	g.proofs, err = newProofs(d.Entropy, s.Now)
	return g, err
}

func (g *guard) ServeHTTP(to http.ResponseWriter, q *http.Request) {
	scheme, given, _ := strings.Cut(q.Header.Get("Authorization"), " ")
	switch {
	case !g.door.Own && (!g.door.TLS && !local(q.Host, g.door.Address) || len(q.Header.Values("Origin")) > 0):
		g.turnAway(to, q, ErrForeign)
	case g.proofs != nil && q.URL.Path == challengePath:
		g.within.ServeHTTP(to, q.WithContext(context.WithValue(q.Context(), guardKey{}, g)))
	case strings.EqualFold(scheme, "Bearer") && isToken(given, g.door.Agents.Token, g.agents): // RFC 9110, section 11.1
		g.admitAgent(to, q)
	case strings.EqualFold(scheme, "Bearer") && isToken(given, g.door.Bearer, g.bearer):
		g.admit(to, q.WithContext(context.WithValue(q.Context(), bearerKey{}, true)))
	case g.door.Own && !strings.EqualFold(scheme, proofScheme):
		g.admit(to, q)
	case g.proofs != nil && strings.EqualFold(scheme, proofScheme):
		proven, err := g.prove(q, given)
		if err != nil {
			g.turnAway(to, q, err)
			return
		}
		g.admit(proven.sign(to), proven.request)
		proven.seal()
	default:
		g.turnAway(to, q, ErrToken)
	}
}

// isToken reports whether what a client has sent is a token, whose hash is sum. Hashes are compared,
// so that it takes the same time for any length.
func isToken(given, token string, sum [sha256.Size]byte) bool {
	got := sha256.Sum256([]byte(given))
	return token != "" && subtle.ConstantTimeCompare(got[:], sum[:]) == 1
}

// admitAgent admits an agent to its path.
func (g *guard) admitAgent(to http.ResponseWriter, q *http.Request) {
	if q.URL.Path != g.door.Agents.Path {
		g.turnAway(to, q, fmt.Errorf("%w: it is for agents, at %s alone", ErrPath, g.door.Agents.Path))
		return
	}
	by := admitted{Holder: g.door.Agents.Holder, still: func() bool { return true }}
	g.admit(to, q.WithContext(context.WithValue(q.Context(), holderKey{}, by)))
}

func (g *guard) admit(w http.ResponseWriter, q *http.Request) {
	conn := q.Context().Value(connKey{})
	if encrypted, ok := conn.(interface{ NetConn() net.Conn }); ok {
		conn = encrypted.NetConn()
	}
	if c, ok := conn.(knownConn); ok {
		c.Known()
	}
	g.within.ServeHTTP(w, q)
}

// turnAway answers with an error, and ends the connection. Its log names no address:
// that of a stranger may hold anything.
func (g *guard) turnAway(to http.ResponseWriter, q *http.Request, err error) {
	w := withDeadlines(g.server, to, q)
	w.Header().Set("Connection", "close")
	if status(err, ledger.Fault{}) == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", "Bearer")
	}
	g.server.fail(w, q.URL.Path, err)
	logRequest(g.server, "turned away", q, w.status, 0)
}

// local reports whether a host is this machine, at the port of the address that the
// server listens on. A host without a port has that of HTTP.
func local(host, address string) bool {
	own, port, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	name, at, err := net.SplitHostPort(host)
	if err != nil {
		name, at = strings.Trim(host, "[]"), "80"
	}
	return at == port && (strings.EqualFold(name, "localhost") || name == "127.0.0.1" || name == "::1" || name == own)
}
