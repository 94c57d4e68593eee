package mcp

import (
	"context"
	"net/http"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
)

// maxBody is how long a message over HTTP may be.
const maxBody = 4 << 20

// serverKey is the key of the server that answers a request, in its context.
type serverKey struct{}

// Handler serves clients over HTTP, each request by itself (Streamable HTTP without sessions), as
// what options returns for it. A request for which it fails is forbidden.
func Handler(options func(*http.Request) (Options, error)) http.Handler {
	within := sdk.NewStreamableHTTPHandler(func(q *http.Request) *sdk.Server {
		s, ok := q.Context().Value(serverKey{}).(*sdk.Server)
		if !ok {
			return nil
		}
		return s
	}, &sdk.StreamableHTTPOptions{Stateless: true, MaxRequestBodyBytes: maxBody, PropagateRequestCancellation: true})
	return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		o, err := options(q)
		if err != nil {
			code, text := codeOf(err)
			http.Error(w, text+" ("+code+")", http.StatusForbidden)
			return
		}
		within.ServeHTTP(w, q.WithContext(context.WithValue(q.Context(), serverKey{}, New(o))))
	})
}
