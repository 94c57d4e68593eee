package mcp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
)

// maxBody is how long a message over HTTP may be.
const maxBody = 4 << 20

// serverKey is the key of the server that answers a request, in its context.
type serverKey struct{}

// Handler serves clients over HTTP, each request by itself (Streamable HTTP without sessions), as
// what options returns for it. A request for which it fails is forbidden. Whom it answers, under
// which names, and that no web page has made the request is for what stands before it to decide: it
// knows the names of the host.
func Handler(options func(*http.Request) (Options, error)) http.Handler {
	within := sdk.NewStreamableHTTPHandler(func(q *http.Request) *sdk.Server {
		s, ok := q.Context().Value(serverKey{}).(*sdk.Server)
		if !ok {
			return nil
		}
		return s
	}, &sdk.StreamableHTTPOptions{
		Stateless: true, MaxRequestBodyBytes: maxBody, PropagateRequestCancellation: true,
		DisableLocalhostProtection: true, // it takes every name but localhost for a foreign one, also with TLS
	})
	return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		o, err := options(q)
		if err != nil {
			code, text := codeOf(err)
			http.Error(w, text+" ("+code+")", http.StatusForbidden)
			return
		}
		if !readable(w, q) {
			return
		}
		within.ServeHTTP(w, q.WithContext(context.WithValue(q.Context(), serverKey{}, New(o))))
	})
}

// readable reads the message of a request, and answers it if it cannot be read as one thing alone.
func readable(w http.ResponseWriter, q *http.Request) bool {
	if q.Method != http.MethodPost {
		return true
	}
	text, err := io.ReadAll(http.MaxBytesReader(w, q.Body, maxBody))
	if tooLong, is := errors.AsType[*http.MaxBytesError](err); is {
		http.Error(w, tooLong.Error(), http.StatusRequestEntityTooLarge)
		return false
	}
	if err == nil {
		_, err = decodeMessage(text)
	}
	if err == nil {
		q.Body = io.NopCloser(bytes.NewReader(text))
		return true
	}
	w.Header().Set("Content-Type", mediaJSON)
	w.WriteHeader(http.StatusBadRequest)
	answer := refusal(text, err)
	if answer == nil {
		answer = fmt.Appendf(nil, `{"jsonrpc":"2.0","id":null,"error":{"code":%d,"message":"the request is not carried out: it is no message"}}`, jsonrpc.CodeInvalidRequest)
	}
	_, _ = w.Write(answer) // an error means that the client has left
	return false
}
