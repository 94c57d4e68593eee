package daemon

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
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

// A knownConn is a connection whose listener takes its client for a stranger until
// Known is called.
type knownConn interface{ Known() }

// connKey is the key of a request's connection in its context.
type connKey struct{}

// Guard makes h, an HTTP server for TCP on a loopback address, answer only requests
// that carry the token, are for this host, and were not made by a web page. Every user
// of this machine can connect: a request must come soon, and one that is turned away
// ends its connection. If a connection has a method Known(), Guard calls it when a
// request carries the token.
func (s *Server) Guard(h *http.Server, token, address string) {
	within, want := h.Handler, sha256.Sum256([]byte(token))
	h.ReadHeaderTimeout = strangerTimeout
	h.ConnContext = func(ctx context.Context, c net.Conn) context.Context { return context.WithValue(ctx, connKey{}, c) }
	h.Handler = http.HandlerFunc(func(to http.ResponseWriter, q *http.Request) {
		w := s.withDeadlines(to, q)
		scheme, got, _ := strings.Cut(q.Header.Get("Authorization"), " ")
		bearer := strings.EqualFold(scheme, "Bearer") // RFC 9110, section 11.1
		sum := sha256.Sum256([]byte(got))             // so that the comparison takes the same time for any length
		switch {
		case !local(q.Host, address) || len(q.Header.Values("Origin")) > 0:
			s.turnAway(w, q, ErrForeign)
		case !bearer || subtle.ConstantTimeCompare(sum[:], want[:]) != 1:
			w.Header().Set("WWW-Authenticate", "Bearer")
			s.turnAway(w, q, ErrToken)
		default:
			if c, ok := q.Context().Value(connKey{}).(knownConn); ok {
				c.Known()
			}
			within.ServeHTTP(w, q)
		}
	})
}

// turnAway answers with an error, and ends the connection. Its log names no address:
// that of a stranger may hold anything.
func (s *Server) turnAway(w *deadlineWriter, q *http.Request, err error) {
	w.Header().Set("Connection", "close")
	s.fail(w, err)
	s.logRequest("turned away", q, w.status, 0)
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
