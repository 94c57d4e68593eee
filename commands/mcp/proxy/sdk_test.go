package proxy_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"gait/commands/mcp/proxy"
)

// The official SDK on both sides, in both generations of the protocol: a client of it uses a server
// of it through the gate. Input that the server asks for comes by a request of its own in the one,
// and by another step of the call in the other.
func TestSDK(t *testing.T) {
	for _, version := range []string{"2025-06-18", "2025-11-25", "2026-07-28"} {
		t.Run(version, func(t *testing.T) {
			d := newDesk(t, `permit (principal, action, resource == Target::"mcp:fs") unless { action == Action::"mcp:fs/drop" };`)
			var ran, dropped atomic.Int64
			server := mcp.NewServer(&mcp.Implementation{Name: "server", Version: "1"}, nil)
			type in struct {
				City string `json:"city"`
			}
			type out struct {
				Weather string `json:"weather"`
			}
			mcp.AddTool(server, &mcp.Tool{Name: "weather"}, func(_ context.Context, _ *mcp.CallToolRequest, v in) (*mcp.CallToolResult, out, error) {
				ran.Add(1)
				return nil, out{"fine in " + v.City}, nil
			})
			mcp.AddTool(server, &mcp.Tool{Name: "drop"}, func(context.Context, *mcp.CallToolRequest, in) (*mcp.CallToolResult, any, error) {
				dropped.Add(1)
				return nil, nil, nil
			})
			mcp.AddTool(server, &mcp.Tool{Name: "fail"}, func(context.Context, *mcp.CallToolRequest, any) (*mcp.CallToolResult, any, error) {
				return nil, nil, errors.New("no wind")
			})
			mcp.AddTool(server, &mcp.Tool{Name: "ask"}, func(_ context.Context, r *mcp.CallToolRequest, _ any) (*mcp.CallToolResult, any, error) {
				if is, ok := r.Params.InputResponses["q"].(*mcp.ElicitResult); ok {
					return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: fmt.Sprint("it is ", is.Content["name"], " ", r.Params.RequestState)}}}, nil, nil
				}
				q := &mcp.ElicitParams{Message: "who?", RequestedSchema: json.RawMessage(`{"type":"object","properties":{"name":{"type":"string"}}}`)}
				return &mcp.CallToolResult{InputRequests: mcp.InputRequestMap{"q": q}, RequestState: "sealed"}, nil, nil
			})
			server.AddPrompt(&mcp.Prompt{Name: "p"}, func(context.Context, *mcp.GetPromptRequest) (*mcp.GetPromptResult, error) {
				return &mcp.GetPromptResult{Description: "a prompt"}, nil
			})
			session := connectSDK(t, d, server, version)
			if got := session.InitializeResult().ProtocolVersion; got != version {
				t.Errorf("the session speaks %s", got)
			}

			tools, err := session.ListTools(t.Context(), nil)
			if err != nil || len(tools.Tools) != 4 {
				t.Fatalf("the tools are %v %v", tools, err)
			}
			call := func(name string) *mcp.CallToolResult {
				t.Helper()
				is, err := session.CallTool(t.Context(), &mcp.CallToolParams{Name: name, Arguments: map[string]any{"city": "Oslo"}})
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				return is
			}
			if is := call("weather"); is.IsError || is.StructuredContent.(map[string]any)["weather"] != "fine in Oslo" || ran.Load() != 1 { //nolint:forcetypeassert // else the test fails
				t.Errorf("the result is %+v", is)
			}
			is := call("drop")
			if text, ok := is.Content[0].(*mcp.TextContent); !is.IsError || !ok || !strings.Contains(text.Text, "not allowed") || dropped.Load() > 0 {
				t.Errorf("what is blocked is answered %+v", is)
			}
			if is := call("fail"); !is.IsError {
				t.Errorf("what fails is answered %+v", is)
			}
			is = call("ask")
			if text, ok := is.Content[0].(*mcp.TextContent); is.IsError || !ok || text.Text != "it is Ada sealed" {
				t.Errorf("what the server asks for input for is answered %+v", is)
			}
			if is := d.job(); is.Allows != 3 || len(is.Grants) != 1 {
				t.Errorf("%d grants, and these are open: %v", is.Allows, is.Grants)
			}
			if p, err := session.GetPrompt(t.Context(), &mcp.GetPromptParams{Name: "p"}); err != nil || p.Description != "a prompt" {
				t.Errorf("the prompt is %v %v", p, err)
			}
			if _, err := session.ListResources(t.Context(), nil); err != nil {
				t.Errorf("resources: %v", err)
			}
		})
	}
}

// connectSDK connects a client of the SDK with a server of it, through the proxy.
func connectSDK(t *testing.T, d *desk, server *mcp.Server, version string) *mcp.ClientSession {
	t.Helper()
	clientR, clientW := io.Pipe()
	toClientR, toClientW := io.Pipe()
	serverR, serverW := io.Pipe()
	fromServerR, fromServerW := io.Pipe()
	done := make(chan error, 1)
	go func() {
		o := proxy.Options{Job: jobID, Actor: "agent_1", Server: "fs", Fingerprint: "envfp:test", Grace: 5 * time.Second, Patience: time.Minute, Log: func(string, ...any) {}}
		err := proxy.Run(context.Background(), d, o, proxy.Ends{ClientIn: clientR, ClientOut: toClientW, ServerIn: serverW, ServerOut: fromServerR})
		done <- errors.Join(err, toClientW.Close())
	}()
	if _, err := server.Connect(t.Context(), &mcp.IOTransport{Reader: serverR, Writer: fromServerW}, nil); err != nil {
		t.Fatal(err)
	}
	client := mcp.NewClient(&mcp.Implementation{Name: "client", Version: "1"}, &mcp.ClientOptions{
		ElicitationHandler: func(context.Context, *mcp.ElicitRequest) (*mcp.ElicitResult, error) {
			return &mcp.ElicitResult{Action: "accept", Content: map[string]any{"name": "Ada"}}, nil
		},
	})
	session, err := client.Connect(t.Context(), &mcp.IOTransport{Reader: toClientR, Writer: clientW}, &mcp.ClientSessionOptions{ProtocolVersion: version})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		session.Close()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return session
}
