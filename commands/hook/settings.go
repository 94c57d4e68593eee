package hook

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
)

// settings are what of a host's settings is about hooks. The hooks of Codex have the same form.
type settings struct {
	hooks       []placed
	disabled    bool // no hook runs
	managedOnly bool // those of the administrator alone run
	mode        string
	env         []string // names of the variables that it sets, those alone that matter
}

// A placed handler is a hook with what stands around it.
type placed struct {
	event, matcher, file string
	scope                Scope

	command   string
	line      line
	asks      bool // its line asks gait
	unclear   bool // it names gait, and what it does is not known
	timeout   *float64
	async     bool
	cond      string // of "if"
	onFailure string
}

// readJSON reads settings in JSON. Names are exact, as they are to hosts, and a name that stands twice is
// an error: which one a host takes is not known.
func readJSON(host Host, f File) (s settings, err error) {
	top, err := members(f.Bytes)
	if err != nil {
		return s, problemOf(err)
	}
	s.disabled, s.managedOnly = set(top["disableAllHooks"]), set(top["allowManagedHooksOnly"])
	if raw, ok := top["permissions"]; ok {
		permissions, err := members(raw)
		if err != nil {
			return s, problemOf(err)
		}
		_ = permissions.text("defaultMode", &s.mode, false)
	}
	if raw, ok := top["env"]; ok {
		env, err := members(raw)
		if err != nil {
			return s, problemOf(err)
		}
		for name := range env {
			if matters(name) {
				s.env = append(s.env, name)
			}
		}
		slices.Sort(s.env)
	}
	if raw, ok := top["hooks"]; ok {
		s.hooks, err = readHooks(host, f, raw)
	}
	return s, problemOf(err)
}

// problemOf returns an error without what is about a call.
func problemOf(err error) error {
	if e, ok := errors.AsType[*InputError](err); ok {
		return errors.New(e.Problem)
	}
	return err
}

// set reports whether a switch is not plainly off.
func set(raw json.RawMessage) bool { return len(raw) > 0 && string(raw) != "false" }

// matters reports whether a variable says which program, ledger, keys or job a hook uses.
func matters(name string) bool {
	for _, begin := range []string{"GAIT_", "LD_", "DYLD_", "GO", "XDG_"} {
		if strings.HasPrefix(name, begin) {
			return true
		}
	}
	return slices.Contains([]string{"PATH", "HOME", "SHELL", "ENV", "BASH_ENV", "IFS", "SSH_AUTH_SOCK", "CLAUDE_CONFIG_DIR", "CODEX_HOME"}, name)
}

// readHooks reads the hooks of each event.
func readHooks(host Host, f File, raw json.RawMessage) ([]placed, error) {
	byEvent, err := members(raw)
	if err != nil {
		return nil, err
	}
	var hooks []placed
	for event, raw := range byEvent {
		var groups []json.RawMessage
		if err := json.Unmarshal(raw, &groups); err != nil {
			return nil, badf("the hooks of %.40q are no list", event)
		}
		for _, raw := range groups {
			group, err := readGroup(host, placed{event: event, file: f.Name, scope: f.Scope}, raw)
			if err != nil {
				return nil, err
			}
			hooks = append(hooks, group...)
		}
	}
	return hooks, nil
}

// readGroup reads hooks with one matcher. p is what they have in common.
func readGroup(host Host, p placed, raw json.RawMessage) (hooks []placed, err error) {
	group, err := members(raw)
	if err != nil {
		return nil, err
	}
	if set(group["matcher"]) && json.Unmarshal(group["matcher"], &p.matcher) != nil {
		return nil, badf("a matcher of %.40q is no text", p.event)
	}
	p.unclear = !only(group, "matcher", "hooks")
	var list []json.RawMessage
	if err := json.Unmarshal(group["hooks"], &list); err != nil {
		return nil, badf("the hooks of %.40q are no list", p.event)
	}
	for _, raw := range list {
		p := p
		if err := p.read(host, raw); err != nil {
			return nil, err
		}
		hooks = append(hooks, p)
	}
	return hooks, nil
}

// read reads one hook.
func (p *placed) read(host Host, raw json.RawMessage) error {
	has, err := members(raw)
	if err != nil {
		return err
	}
	kind := ""
	_ = has.text("type", &kind, false)
	_ = has.text("command", &p.command, false)
	clear := !p.unclear && kind == "command" && only(has, "type", "command", "timeout", "async", "if", "onFailure", "statusMessage")
	for name, into := range map[string]any{"timeout": &p.timeout, "async": &p.async, "if": &p.cond, "onFailure": &p.onFailure} {
		if raw, ok := has[name]; ok && (string(raw) == "null" || json.Unmarshal(raw, into) != nil) {
			clear = false
		}
	}
	l, ok := lineOf(host, p.command)
	p.line, p.asks = l, ok && clear
	p.unclear = !p.asks && strings.Contains(string(raw)+p.command, "gait")
	return nil
}

// only reports whether an object has no other members.
func only(has object, names ...string) bool {
	for name := range has {
		if !slices.Contains(names, name) {
			return false
		}
	}
	return true
}

// all reports whether a hook is asked about each tool.
func (p placed) all() bool {
	return !p.async && p.cond == "" && slices.Contains([]string{"", "*", ".*", "^.*$"}, p.matcher)
}
