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

	mu       sync.Mutex      // held while tools are compared; who reads what the server says must not wait for it
	recorded toolset         // as the shelf had them when they were compared
	current  toolset         // what the server has; of these only those are there that are as recorded
	waiting  map[string]bool // the tools that have changed
	asked    map[string]bool // those of which this session has asked
	compared int64           // how often it may have done so when they were compared; 0: not yet
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
	changed := b.differ(current)
	if len(changed) > 0 && b.shelf.known.open {
		b.proceed(ctx)
		if err := b.shelf.read(ctx); err != nil {
			return err
		}
		changed = b.differ(current)
	}
	if len(changed) > 0 && !b.shelf.known.open {
		b.ask(ctx, changed)
	}
	return nil
}

// read reads the recorded tools, and records the server's if there are none and they need no
// approval.
func (b *toolbox) read(ctx context.Context, current toolset) error {
	err := b.shelf.read(ctx)
	if err == nil && b.shelf.known.tools == nil && b.shelf.known.records() {
		if err = b.shelf.record(ctx, current); err == nil {
			err = b.shelf.read(ctx)
		}
	}
	return err
}

// differ notes how the tools that a server has differ from those that are recorded, and returns
// what a person has to decide about. If none are recorded, that is all of them.
func (b *toolbox) differ(current toolset) []change {
	b.recorded, b.current, b.waiting = b.shelf.known.tools, current, make(map[string]bool)
	askNew := b.askNew || b.recorded == nil
	changed, fresh := changes(b.recorded, current, askNew)
	if len(fresh) > 0 && !askNew {
		b.once("tools that were not recorded are hidden: " + strings.Join(fresh, ", "))
	}
	for _, c := range changed {
		b.waiting[c.Tool] = true
	}
	return changed
}

// ask asks for a decision about changes, but about a tool only once in a session: a description
// that is another one each time would stop the job each time. What cannot be asked for stays
// hidden.
func (b *toolbox) ask(ctx context.Context, changed []change) {
	var fresh []change
	for _, c := range changed {
		if b.asked[c.Tool] {
			b.once("this tool has changed again after a decision was asked for, and is hidden until the next session: " + c.Tool)
			continue
		}
		fresh = append(fresh, c)
	}
	if len(fresh) == 0 || b.shelf.known.refused(fresh) {
		return
	}
	if err := b.shelf.ask(ctx, fresh); err != nil {
		b.once(fmt.Sprintf("tools have changed, and are hidden: %s; no decision could be asked for: %v", names(fresh), err))
		return
	}
	b.log("tools have changed, and are hidden until that is approved: %s", names(fresh))
	if b.asked == nil {
		b.asked = make(map[string]bool)
	}
	for _, c := range fresh {
		b.asked[c.Tool] = true
	}
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
