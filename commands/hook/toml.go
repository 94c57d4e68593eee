package hook

import (
	"regexp"
	"strings"
)

// What of settings in TOML is looked at. The file is not parsed: a hook can be turned off in many
// spellings, all of which have the word in them, or an escape.
var (
	hooksOff   = regexp.MustCompile(`hooks["']?\s*=\s*false`)
	hooksOn    = regexp.MustCompile(`^(features\.)?(codex_)?hooks\s*=\s*true$`)
	trustTable = regexp.MustCompile(`^\[hooks\.state(\."[^"\\]*")?\]$`)
	trusted    = regexp.MustCompile(`^(trusted_hash\s*=\s*"[a-z0-9:]+"|enabled\s*=\s*true)$`)
	escape     = regexp.MustCompile(`\\([uU][0-9A-Fa-f]{4}|x[0-9A-Fa-f]{2})`)
	fullAccess = regexp.MustCompile(`(?m)^\s*sandbox_mode\s*=\s*"danger-full-access"`)
	neverAsks  = regexp.MustCompile(`(?m)^\s*approval_policy\s*=\s*"never"`)
)

func (x *examination) readTOML(f File) {
	text := string(f.Bytes)
	about := aboutHooks(text)
	switch {
	case hooksOff.MatchString(text):
		x.fail("hooks_disabled", "features", f.Name+" turns hooks off: none runs", "remove hooks = false")
	case about != "":
		x.unclear(f.Name, about, "leave hooks out of it, and put them into hooks.json, beside it")
	default:
		x.open(OK, "settings", f.Name+", which turns no hooks off", "")
	}
	if fullAccess.MatchString(text) && neverAsks.MatchString(text) {
		x.open(Warning, "permissions", f.Name+" asks nothing and has no sandbox: gait's hook is all there is", "set another approval_policy or sandbox_mode")
	}
}

// aboutHooks returns the first line that may be about hooks, and is none that is known to leave them on.
func aboutHooks(text string) string {
	inTrust, plain := false, !strings.Contains(text, `"""`) && !strings.Contains(text, `'''`)
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if plain {
			switch {
			case line == "", line[0] == '#':
				continue
			case trustTable.MatchString(line):
				inTrust = true
				continue
			case line[0] == '[':
				inTrust = false
			case inTrust && !trusted.MatchString(line):
				return line
			case inTrust, hooksOn.MatchString(line):
				continue
			}
		}
		if strings.Contains(strings.ToLower(line), "hook") || escape.MatchString(line) {
			return line
		}
	}
	return ""
}
