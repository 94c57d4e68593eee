package daemon

import (
	_ "embed"
	"net/http"
	"strings"
	"unicode"

	"gait/ledger"
)

//go:embed openapi.json
var openAPI []byte

func (s *Server) openAPI(w http.ResponseWriter, _ *http.Request) error {
	return send(w, http.StatusOK, "application/json", openAPI)
}

// healthz answers that the process is running.
func (s *Server) healthz(w http.ResponseWriter, _ *http.Request) error {
	return send(w, http.StatusOK, "text/plain; charset=utf-8", []byte("ok\n"))
}

// readyz answers whether the ledger can be read and commands are accepted: ok, and a line for each
// warning, which is about something else.
func (s *Server) readyz(w http.ResponseWriter, q *http.Request) error {
	if _, err := s.Log.Event(q.Context(), ledger.Seq(s.Log.Head().Size-1)); err != nil {
		return err
	}
	text := []byte("ok\n")
	if s.Warnings != nil {
		for _, warning := range s.Warnings() {
			text = append(text, "warning: "+strings.Map(printable, warning)+"\n"...)
		}
	}
	return send(w, http.StatusOK, "text/plain; charset=utf-8", text)
}

func printable(r rune) rune {
	if unicode.IsPrint(r) {
		return r
	}
	return ' '
}

func (s *Server) metrics(w http.ResponseWriter, q *http.Request) error {
	s.Metrics.handler().ServeHTTP(w, q)
	return nil
}
