package hook

import (
	"fmt"
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

// An examination is what was read of a host's settings.
type examination struct {
	host   Host
	gaits  map[string][]placed // the hooks that ask gait, by event
	others int                 // other hooks before a call
	found  []Finding
}

// Named says what the environment of the host names for its hooks.
type Named struct{ Job, Ledger bool }

// Examine says what fails open in the settings of a host. What it cannot tell, it takes for open.
func (h Host) Examine(files []File, named Named) []Finding {
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
		if s.managedOnly && f.Scope == Managed {
			managedOnly = f.Name
		}
		managed = x.collect(s) && f.Scope == Managed || managed
	}
	if managedOnly != "" && !managed {
		x.fail("hooks_not_managed", "managed hooks", managedOnly+" lets managed hooks alone run, and gait's is none", "add it to the managed settings")
	}
	x.before(named)
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
	s, err := readJSON(x.host, f)
	if err != nil {
		x.fail("settings_unreadable", "settings", fmt.Sprintf("%s is not settings, and a host leaves its hooks out: %v", f.Name, err), "mend it")
		return s, false
	}
	x.open(OK, "settings", f.Name, "")
	if s.disabled {
		x.fail("hooks_disabled", "disableAllHooks", f.Name+" has disableAllHooks: no hook runs", "remove it")
	}
	if s.mode == "bypassPermissions" {
		x.open(Warning, "permissions", f.Name+" has the mode bypassPermissions: the host asks nothing itself, and gait's hook is all there is", "set another permissions.defaultMode")
	}
	if names := strings.Join(s.env, ", "); names != "" && f.Scope == Project {
		x.fail("settings_env", "env", f.Name+" sets "+names+": which program, ledger or job the hook uses is for an agent to say", "remove them, and start the host with them")
	} else if names != "" {
		x.open(Warning, "env", f.Name+" sets "+names+", with which the hook runs", "see that they are those of this ledger and job")
	}
	return s, true
}

// unclear says that something in settings cannot be told.
func (x *examination) unclear(file, what, hint string) {
	x.fail("hook_unclear", "hooks", fmt.Sprintf("%s has %.120q: gait cannot tell what it does, and tools may run unasked", file, what), hint)
}

// collect takes the hooks of a file, and reports whether one before a call asks gait.
func (x *examination) collect(s settings) (asks bool) {
	for _, p := range s.hooks {
		switch {
		case p.asks:
			x.gaits[p.event] = append(x.gaits[p.event], p)
			asks = asks || events[p.event] == Before
		case p.unclear:
			x.unclear(p.file, p.command, "write its command as the settings of examples/integrations do: gait hook HOST with flags, then what they end with, and nothing else")
		case events[p.event] == Before:
			x.others++
		}
	}
	return asks
}

// before looks at the hooks before a call.
func (x *examination) before(named Named) {
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
		if p.line.flags["--id"] == "" && !named.Job {
			x.open(Warning, "job", p.file+" names no job: gait says no to every call", "add --id JOB, or start the host with GAIT_JOB set, as gait job run does")
		}
		if p.line.flags["--root"] == "" && !named.Ledger {
			x.open(Warning, "ledger", p.file+" names no ledger: gait says no to every call", "add --root with the absolute path of the ledger, or start the host with GAIT_ROOT set")
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
		case p.async:
			names = append(names, "no tool in time (async)")
		case p.cond != "":
			names = append(names, fmt.Sprintf("%q", p.cond))
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
	ownEnd      = 6 * time.Second // how long gait needs to say no once its time is over
)

// one looks at one hook before a call.
func (x *examination) one(p placed) {
	waits, own := hostTimeout, ownTimeout
	if p.timeout != nil {
		waits = time.Duration(min(*p.timeout, 86400) * float64(time.Second))
	}
	if d, err := time.ParseDuration(p.line.flags["--timeout"]); err == nil {
		own = d
	}
	blocks := x.host == ClaudeCode && p.onFailure == "block"
	switch {
	case blocks:
	case waits < own+ownEnd:
		x.fail("hook_timeout", "timeout", fmt.Sprintf("the host waits %v for gait and then runs the tool; gait says no after %v", waits, own), fmt.Sprintf("set the hook's timeout to %d or more, in seconds", int((own+2*ownEnd).Seconds())))
	case x.host == ClaudeCode:
		x.open(Warning, "onFailure", "if gait cannot be started, is killed or takes too long, the host runs the tool", `add "onFailure": "block" to the hook (Claude Code 2.1.295 or later)`)
	default:
		x.open(OK, "timeout", fmt.Sprintf("the host waits %v and then runs the tool; gait says no after %v", waits, own), "")
	}
}

// after looks at the hooks after a call.
func (x *examination) after() {
	names := []string{"PostToolUse", "PostToolUseFailure"}
	if x.host == Codex {
		names = names[:1]
		x.open(Warning, "failed calls", "Codex does not say whether a command failed: its grant is unknown, and stops the job, unless --done-if-failed names the tool", "gait gate list shows such grants")
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
		x.open(OK, "not looked at", "flags such as --dangerously-bypass-hook-trust, profiles in files of their own, plugins, settings of a device management, and tools for which Codex runs no hook", "")
		return
	}
	x.open(OK, "not looked at", "flags such as --settings, --setting-sources and --bare, plugins, settings from a server, and files that a person names with @, which no hook sees", "")
}
