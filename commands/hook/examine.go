package hook

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// A Scope says who writes a file of settings.
type Scope string

// The scopes.
const (
	Managed Scope = "managed" // the administrator of the machine
	User    Scope = "user"
	Project Scope = "project" // who works in the project, agents among them
)

// A File is a file of a host's settings that is there.
type File struct {
	Name  string // as it is shown
	Scope Scope
	Bytes []byte
	Err   error // why it could not be read
}

// A Level says how bad a finding is.
type Level string

// The levels.
const (
	OK      Level = "ok"
	Warning Level = "warning"
	Open    Level = "failed" // tools run that the gate was not asked about
)

// A Finding is one thing that was found in a host's settings.
type Finding struct {
	Name   string
	Level  Level
	Detail string
	Hint   string // what to do; "" if Level is OK
	Code   string // of what is Open
}

// settings are what of a host's settings is about hooks. The hooks of Codex have the same form.
type settings struct {
	Hooks           map[string][]group `json:"hooks"`
	DisableAllHooks bool               `json:"disableAllHooks"`
	ManagedOnly     bool               `json:"allowManagedHooksOnly"`
	Permissions     struct {
		DefaultMode string `json:"defaultMode"`
	} `json:"permissions"`
}

type group struct {
	Matcher string    `json:"matcher"`
	Hooks   []handler `json:"hooks"`
}

type handler struct {
	Type      string   `json:"type"`
	Command   string   `json:"command"`
	Args      []string `json:"args"`
	Timeout   *float64 `json:"timeout"` // in seconds
	Async     bool     `json:"async"`
	If        string   `json:"if"`
	OnFailure string   `json:"onFailure"`
}

// A placed handler is one with what stands around it.
type placed struct {
	handler
	matcher, file string
	scope         Scope
}

// An examination is what was read of a host's settings.
type examination struct {
	host   Host
	gaits  map[string][]placed // the hooks that ask gait, by event
	others int                 // other hooks before a call
	found  []Finding
}

// Examine says what fails open in the settings of a host. job says that the environment names a
// job.
func (h Host) Examine(files []File, job bool) []Finding {
	x := &examination{host: h, gaits: map[string][]placed{}}
	if h == Generic {
		x.open(Warning, "host", "gait does not know this host: every exit code but 0, each signal and a timeout of its own must mean no to it",
			"try it: let the hook be /bin/false, a missing program and sleep 1000, and see that no tool runs")
		return x.found
	}
	managedOnly, managed := "", false
	for _, f := range files {
		s, ok := x.read(f)
		if !ok {
			continue
		}
		if s.ManagedOnly && f.Scope == Managed {
			managedOnly = f.Name
		}
		managed = x.collect(f, s) && f.Scope == Managed || managed
	}
	if managedOnly != "" && !managed {
		x.fail("hooks_not_managed", "managed hooks", managedOnly+" lets managed hooks alone run, and gait's is none", "add it to the managed settings")
	}
	x.before(job)
	x.after()
	x.around()
	return x.found
}

func (x *examination) open(level Level, name, detail, hint string) {
	x.found = append(x.found, Finding{Name: name, Level: level, Detail: detail, Hint: hint})
}

func (x *examination) fail(code, name, detail, hint string) {
	x.found = append(x.found, Finding{Name: name, Level: Open, Detail: detail, Hint: hint, Code: code})
}

// read reads a file, and says what it has that is not about one hook.
func (x *examination) read(f File) (s settings, ok bool) {
	if f.Err != nil {
		x.fail("settings_unreadable", "settings", fmt.Sprintf("%s cannot be read: %v", f.Name, f.Err), "let the user who runs the host read it")
		return s, false
	}
	if strings.HasSuffix(f.Name, ".toml") {
		x.readTOML(f)
		return s, false
	}
	if err := json.Unmarshal(f.Bytes, &s); err != nil {
		x.fail("settings_unreadable", "settings", fmt.Sprintf("%s is not settings, and a host leaves its hooks out: %v", f.Name, err), "mend it")
		return s, false
	}
	x.open(OK, "settings", f.Name, "")
	if s.DisableAllHooks {
		x.fail("hooks_disabled", "disableAllHooks", f.Name+" has disableAllHooks: no hook runs", "remove it")
	}
	if s.Permissions.DefaultMode == "bypassPermissions" {
		x.open(Warning, "permissions", f.Name+" has the mode bypassPermissions: the host asks nothing itself, and gait's hook is all there is", "set another permissions.defaultMode")
	}
	return s, true
}

// Lines of TOML that matter. The file is not parsed: what they say in another spelling is not seen.
var (
	hooksOff     = regexp.MustCompile(`(?m)^\s*(features\.)?(codex_)?hooks\s*=\s*false`)
	managedHooks = regexp.MustCompile(`(?m)^\s*allow_managed_hooks_only\s*=\s*true`)
	fullAccess   = regexp.MustCompile(`(?m)^\s*sandbox_mode\s*=\s*"danger-full-access"`)
	neverAsks    = regexp.MustCompile(`(?m)^\s*approval_policy\s*=\s*"never"`)
)

func (x *examination) readTOML(f File) {
	x.open(OK, "settings", f.Name+", of which single lines are looked at", "")
	switch {
	case hooksOff.Match(f.Bytes):
		x.fail("hooks_disabled", "features", f.Name+" turns hooks off: none runs", "remove hooks = false")
	case managedHooks.Match(f.Bytes):
		x.open(Warning, "managed hooks", f.Name+" lets managed hooks alone run", "see that gait's is a managed one")
	}
	if fullAccess.Match(f.Bytes) && neverAsks.Match(f.Bytes) {
		x.open(Warning, "permissions", f.Name+" asks nothing and has no sandbox: gait's hook is all there is", "set another approval_policy or sandbox_mode")
	}
	if strings.Contains(string(f.Bytes), "gait hook codex") {
		x.open(Warning, "settings", "a hook of gait in "+f.Name+" is not looked at", "put it into hooks.json, beside it")
	}
}

// collect takes the hooks of a file, and reports whether one before a call asks gait.
func (x *examination) collect(f File, s settings) (asks bool) {
	for event, groups := range s.Hooks {
		for _, g := range groups {
			for _, h := range g.Hooks {
				switch {
				case h.asks(x.host):
					x.gaits[event] = append(x.gaits[event], placed{h, g.Matcher, f.Name, f.Scope})
					asks = asks || events[event] == Before
				case events[event] == Before:
					x.others++
				}
			}
		}
	}
	return asks
}

// line is the command line of a hook, without quotes.
func (h handler) line() []string {
	return strings.Fields(strings.NewReplacer(`"`, " ", `'`, " ", ";", " ; ").Replace(strings.Join(append([]string{h.Command}, h.Args...), " ")))
}

// asks reports whether a hook asks gait.
func (h handler) asks(host Host) bool {
	words := h.line()
	i := slices.Index(words, "hook")
	return i > 0 && i+1 < len(words) && words[i+1] == string(host) &&
		slices.ContainsFunc(words[:i], func(w string) bool { return w == "gait" || strings.HasSuffix(w, "/gait") })
}

// flag returns the value of a flag in the command line of a hook.
func (h handler) flag(name string) string {
	words := h.line()
	for i, w := range words {
		if v, ok := strings.CutPrefix(w, name+"="); ok {
			return v
		}
		if w == name && i+1 < len(words) {
			return words[i+1]
		}
	}
	return ""
}

// all reports whether a hook is asked about each tool.
func (p placed) all() bool {
	return !p.Async && p.If == "" && slices.Contains([]string{"", "*", ".*", "^.*$"}, p.matcher)
}

// before looks at the hooks before a call.
func (x *examination) before(job bool) {
	asked := x.gaits["PreToolUse"]
	if len(asked) == 0 {
		x.fail("hook_missing", "PreToolUse", "no hook asks gait before a tool runs", "copy the settings of examples/integrations")
		return
	}
	if !slices.ContainsFunc(asked, placed.all) {
		x.fail("hook_narrow", "PreToolUse", fmt.Sprintf("gait is asked about %s alone, and all other tools run", scopeOf(asked)), `leave "matcher" and "if" out, and let the policy decide`)
	}
	if !slices.ContainsFunc(asked, func(p placed) bool { return p.scope != Project }) {
		x.open(Warning, "PreToolUse", asked[0].file+" is a file of the project, which an agent can change", "put the hook into managed settings, or into the user's and forbid agents to write them")
	}
	for _, p := range asked {
		x.one(p)
		if p.flag("--id") == "" && !job {
			x.open(Warning, "job", p.file+" names no job: gait says no to every call", "add --id JOB, or start the host with GAIT_JOB set, as gait job run does")
		}
	}
	if x.others > 0 {
		x.open(Warning, "other hooks", fmt.Sprintf("%d other hooks run before a call, and could change its arguments after gait has seen them", x.others),
			"see that none answers with updatedInput: gait settles such a call as unknown, after it ran")
	}
}

// scopeOf says which tools hooks are asked about.
func scopeOf(hooks []placed) string {
	var names []string
	for _, p := range hooks {
		switch {
		case p.Async:
			names = append(names, "no tool in time (async)")
		case p.If != "":
			names = append(names, fmt.Sprintf("%q", p.If))
		default:
			names = append(names, fmt.Sprintf("%q", p.matcher))
		}
	}
	return strings.Join(names, ", ")
}

// How long a host waits, and gait answers, unless settings say otherwise.
const (
	hostTimeout = 600 * time.Second
	ownTimeout  = 20 * time.Second
	ownEnd      = 3 * time.Second // how long gait needs to say no once its time is over
)

// one looks at one hook before a call.
func (x *examination) one(p placed) {
	waits, own := hostTimeout, ownTimeout
	if p.Timeout != nil {
		waits = time.Duration(*p.Timeout * float64(time.Second))
	}
	if d, err := time.ParseDuration(p.flag("--timeout")); err == nil {
		own = d
	}
	blocks := x.host == ClaudeCode && p.OnFailure == "block"
	switch {
	case blocks:
	case waits < own+ownEnd:
		x.fail("hook_timeout", "timeout", fmt.Sprintf("the host waits %v for gait and then runs the tool; gait says no after %v", waits, own), fmt.Sprintf("set the hook's timeout to %d or more, in seconds", int((own+2*ownEnd).Seconds())))
	case x.host == ClaudeCode:
		x.open(Warning, "onFailure", "if gait cannot be started, is killed or takes too long, the host runs the tool", `add "onFailure": "block" to the hook (Claude Code 2.1.295 or later)`)
	default:
		x.open(OK, "timeout", fmt.Sprintf("the host waits %v and then runs the tool; gait says no after %v", waits, own), "")
	}
	words := strings.Join(p.line(), " ")
	if says := strings.Contains(words, ">&2"); !blocks && (!strings.Contains(words, "exit 2") || x.host == Codex && !says) {
		x.open(Warning, "command", "if gait is missing or killed, its shell ends with another code than 2, and the host runs the tool", `end the command with || { echo "gait could not be asked" >&2; exit 2; }`)
	}
}

// after looks at the hooks after a call.
func (x *examination) after() {
	names := []string{"PostToolUse", "PostToolUseFailure"}
	if x.host == Codex {
		names = names[:1]
		x.open(Warning, "failed calls", "Codex tells no hook of a tool that failed: its grant stays open, and the job cannot be completed before a person settles it", "gait gate list shows such grants")
	}
	for _, name := range names {
		if !slices.ContainsFunc(x.gaits[name], placed.all) {
			x.open(Warning, name, "gait is not told what became of each call: its grant stays open, and the job cannot be completed", "copy the settings of examples/integrations")
		}
	}
}

// around says what settings do not show.
func (x *examination) around() {
	if x.host == Codex {
		x.open(Warning, "trust", "Codex skips a new or changed hook until a person has trusted it, and settings do not show that", "/hooks in Codex shows it")
		x.open(OK, "not looked at", "flags such as --dangerously-bypass-hook-trust, plugins, settings of a device management, and tools for which Codex runs no hook", "")
		return
	}
	x.open(OK, "not looked at", "flags such as --settings, --setting-sources and --bare, plugins, settings from a server, and files that a person names with @, which no hook sees", "")
}
