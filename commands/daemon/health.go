package daemon

import (
	_ "embed"
	"net/http"

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

// readyz answers whether the ledger can be read and commands are accepted.
func (s *Server) readyz(w http.ResponseWriter, q *http.Request) error {
	if _, err := s.Log.Event(q.Context(), ledger.Seq(s.Log.Head().Size-1)); err != nil {
		return err
	}
	return send(w, http.StatusOK, "text/plain; charset=utf-8", []byte("ok\n"))
}

func (s *Server) metrics(w http.ResponseWriter, q *http.Request) error {
	s.Metrics.handler().ServeHTTP(w, q)
	return nil
}
