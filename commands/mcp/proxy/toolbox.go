package proxy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"

	"gait/ledger"
)

// ErrTools says that the tools of a server could not be compared with those that were recorded.
// No tool runs then.
var ErrTools = ledger.NewError("the tools of the MCP server could not be compared with those that were recorded", ledger.Fault{Code: "mcp_tools_unknown", Category: ledger.CategoryPolicy})

// A toolbox is the tools of a server that a client may see and call.
type toolbox struct {
	shelf   shelf
	askNew  bool
	log     func(format string, args ...any)
	list    func(ctx context.Context, meta json.RawMessage) ([]json.RawMessage, error) // asks the server for all of them
	proceed func(ctx context.Context)                                                  // resumes the job, if all was approved

	changed atomic.Int64 // how often the server may have changed its tools

	mu       sync.Mutex // held while tools are compared; who reads what the server says must not wait for it
	recorded toolset    // nil: not read yet
	current  toolset    // what the server has; of these only those are there that are as recorded
	waiting  map[string]bool
	compared int64 // how often it may have done so when they were compared; 0: not yet
	told     map[string]bool
}

// stale says that the server's tools may have changed.
func (b *toolbox) stale() { b.changed.Add(1) }

// ready compares the server's tools with the recorded ones, unless that is done. meta says in
// which protocol the server is asked.
func (b *toolbox) ready(ctx context.Context, meta json.RawMessage) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.changed.Load() + 1
	if b.compared == now {
		return nil
	}
	if err := b.compare(ctx, meta); err != nil {
		return fmt.Errorf("%w: %w", ErrTools, err)
	}
	if len(b.waiting) == 0 {
		b.compared = now
	}
	return nil
}

// compare is ready, with the lock held.
func (b *toolbox) compare(ctx context.Context, meta json.RawMessage) error {
	list, err := b.list(ctx, meta)
	if err != nil {
		return err
	}
	current, problems := readTools(b.shelf.server, list)
	for _, problem := range problems {
		b.once(problem.Error())
	}
	if err := b.read(ctx, current); err != nil {
		return err
	}
	changed, fresh := changes(b.recorded, current, b.askNew)
	if len(fresh) > 0 && !b.askNew {
		b.once("tools that were not recorded are hidden: " + strings.Join(fresh, ", "))
	}
	b.current, b.waiting = current, make(map[string]bool)
	if len(changed) == 0 {
		return nil
	}
	for _, c := range changed {
		b.waiting[c.Tool] = true
	}
	return b.decide(ctx, changed)
}

// read reads the recorded tools, and records the server's if there are none.
func (b *toolbox) read(ctx context.Context, current toolset) error {
	if b.recorded != nil {
		return nil
	}
	recorded, ok, err := b.shelf.recorded(ctx)
	if err == nil && !ok {
		recorded, err = current, b.shelf.record(ctx, current)
	}
	if err == nil {
		b.recorded = recorded
	}
	return err
}

// decide asks for a decision about changes, or records them if they were approved.
func (b *toolbox) decide(ctx context.Context, changed []change) error {
	subject, err := b.shelf.subjectOf(changed)
	if err != nil {
		return err
	}
	is, err := b.shelf.standing(ctx, subject)
	if err == nil && is == asked {
		b.proceed(ctx)
		is, err = b.shelf.standing(ctx, subject)
	}
	switch {
	case err != nil:
		return err
	case is == notAsked:
		b.log("tools have changed, and are hidden until that is approved: %s", names(changed))
		return b.shelf.ask(ctx, changed, subject)
	case is == asked:
		return nil
	}
	after := b.recorded.apply(changed, b.current)
	if err := b.shelf.record(ctx, after); err != nil {
		return err
	}
	b.recorded, b.waiting = after, make(map[string]bool)
	return nil
}

// find returns a tool that may be called. If it may not, waits says whether that is since it has
// changed.
func (b *toolbox) find(name string) (t tool, waits, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	t, ok = b.recorded[name]
	_, offered := b.current[name]
	return t, b.waiting[name], ok && offered && !b.waiting[name]
}

// shown returns those of a list of tools that the client may see, as they are recorded. A tool
// that is described in another way has changed.
func (b *toolbox) shown(list []json.RawMessage) []json.RawMessage {
	tools, problems := readTools(b.shelf.server, list)
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, problem := range problems {
		b.once(problem.Error())
	}
	shown := []json.RawMessage{}
	for _, raw := range list {
		var named struct {
			Name string `json:"name"`
		}
		if json.Unmarshal(raw, &named) != nil {
			continue
		}
		is, ok := tools[named.Name]
		was, known := b.recorded[named.Name]
		switch {
		case !ok || !known || b.waiting[named.Name]:
		case string(is.is) == string(was.is):
			shown = append(shown, was.is)
		default:
			b.stale()
		}
	}
	return shown
}

// once logs what was not logged before. The lock is held.
func (b *toolbox) once(what string) {
	if b.told == nil {
		b.told = make(map[string]bool)
	}
	if !b.told[what] && len(b.told) < 1000 {
		b.told[what] = true
		b.log("%s", what)
	}
}

// How many pages and tools a server lists at most.
const (
	mostPages = 100
	mostTools = 1000
)

// errTooMany says that a server lists too much.
var errTooMany = errors.New("the server lists too many tools")

// listAll lists all tools of a server, page by page.
func listAll(ctx context.Context, meta json.RawMessage, ask func(context.Context, string, json.RawMessage) (json.RawMessage, error)) (all []json.RawMessage, err error) {
	cursor, size := "", 0
	for range mostPages {
		params := map[string]json.RawMessage{}
		if meta != nil {
			params["_meta"] = meta
		}
		if cursor != "" {
			params["cursor"], err = encode(cursor)
			if err != nil {
				return nil, err
			}
		}
		result, err := ask(ctx, methodToolsList, encoded(params))
		if err != nil {
			return nil, err
		}
		var got struct {
			Tools      []json.RawMessage `json:"tools"`
			NextCursor string            `json:"nextCursor"`
		}
		if err := json.Unmarshal(result, &got); err != nil {
			return nil, fmt.Errorf("reading the list of tools: %w", err)
		}
		all = append(all, got.Tools...)
		if size += len(result); size > maxTools || len(all) > mostTools {
			return nil, errTooMany
		}
		if cursor = got.NextCursor; cursor == "" {
			return all, nil
		}
	}
	return nil, errTooMany
}
