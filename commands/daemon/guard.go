package daemon

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"net"
	"net/http"
	"strings"
)

// Who may not ask over TCP.
var (
	// ErrToken says that a request has no token, or another.
	ErrToken = errors.New("the request has not the daemon's token")

	// ErrForeign says that a request is meant for another host, or comes from a
	// page of another: a browser may have been led here.
	ErrForeign = errors.New("the request is for another host, or from a page of one")
)

// Guard has a server of HTTP, made for TCP on a loopback address, answer only
// requests with a token, for this host, and from no web page.
func (s *Server) Guard(h *http.Server, token, address string) {
	within, want := h.Handler, sha256.Sum256([]byte(token))
	h.Handler = http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		w = s.hurry(w, q)
		scheme, got, _ := strings.Cut(q.Header.Get("Authorization"), " ")
		bearer := strings.EqualFold(scheme, "Bearer") // RFC 9110, section 11.1
		sum := sha256.Sum256([]byte(got))             // so that the comparison takes the same time for any length
		switch {
		case !local(q.Host, address) || len(q.Header.Values("Origin")) > 0:
			s.fail(w, ErrForeign)
		case !bearer || subtle.ConstantTimeCompare(sum[:], want[:]) != 1:
			w.Header().Set("WWW-Authenticate", "Bearer")
			s.fail(w, ErrToken)
		default:
			within.ServeHTTP(w, q)
		}
	})
}

// local reports whether a host is this machine, at the port of the address that
// is listened at. A host without a port is at that of HTTP.
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
