package proxy

import (
	"bytes"
	"encoding/json"
)

// The methods that the proxy itself deals with.
const (
	methodInitialize = "initialize"
	methodDiscover   = "server/discover"
	methodToolsList  = "tools/list"
	methodToolsCall  = "tools/call"
	methodCancelled  = "notifications/cancelled"
	methodChanged    = "notifications/tools/list_changed"
)

// set returns a set of names.
func set(names ...string) map[string]bool {
	all := make(map[string]bool, len(names))
	for _, name := range names {
		all[name] = true
	}
	return all
}

// What passes as it is, besides responses to what was asked. None of it runs a tool.
var (
	clientRequests = set(methodInitialize, methodDiscover, "ping",
		"resources/list", "resources/templates/list", "resources/read", "resources/subscribe", "resources/unsubscribe",
		"subscriptions/listen", "prompts/list", "prompts/get", "completion/complete", "logging/setLevel")
	clientNotifications = set("notifications/initialized", methodCancelled, "notifications/progress", "notifications/roots/list_changed")
	serverRequests      = set("ping", "sampling/createMessage", "elicitation/create", "roots/list")
	serverNotifications = set(methodCancelled, methodChanged, "notifications/progress", "notifications/message", "notifications/elicitation/complete",
		"notifications/resources/list_changed", "notifications/resources/updated", "notifications/prompts/list_changed",
		"notifications/subscriptions/acknowledged")
)

// tasksExtension is the extension that lets a tool go on after its answer.
const tasksExtension = "io.modelcontextprotocol/tasks"

// Members of _meta.
const (
	metaVersion      = "io.modelcontextprotocol/protocolVersion"
	metaClient       = "io.modelcontextprotocol/clientInfo"
	metaCapabilities = "io.modelcontextprotocol/clientCapabilities"
	metaSubscription = "io.modelcontextprotocol/subscriptionId"
	metaCallID       = "gait/call-id" // a client's name for a call
	metaAnswer       = "gait/answer"  // what the gate has answered
	metaTrace        = "traceparent"
)

// withoutTasks returns an object whose member at a path, an object of capabilities, says nothing
// of tasks. What says nothing of them is returned as it is.
func withoutTasks(b json.RawMessage, path ...string) json.RawMessage {
	all, err := members(b)
	if err != nil {
		return b
	}
	if len(path) > 0 {
		inner := all[path[0]]
		without := withoutTasks(inner, path[1:]...)
		if bytes.Equal(inner, without) {
			return b
		}
		all[path[0]] = without
		return encoded(all)
	}
	_, says := all["tasks"]
	delete(all, "tasks")
	if extensions, err := members(all["extensions"]); err == nil && extensions[tasksExtension] != nil {
		says = true
		delete(extensions, tasksExtension)
		all["extensions"] = encoded(extensions)
	}
	if !says {
		return b
	}
	return encoded(all)
}

// encoded returns the object of members that were read as JSON.
func encoded(all map[string]json.RawMessage) json.RawMessage {
	b, err := encode(all)
	if err != nil {
		panic("proxy: encoding what was decoded: " + err.Error())
	}
	return b
}
