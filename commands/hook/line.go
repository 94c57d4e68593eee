package hook

import (
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// How a command line that asks gait ends in the settings of examples/integrations: whatever gait did, or
// if it is missing, the host is heard to the end and told no. A shell runs the line, and that of Codex
// is the one that its user logs in with, so sh is called for.
const (
	lineEnd    = " || { cat >/dev/null; exit 2; }"
	shellBegin = "sh -c '"
	shellEnd   = " || { echo gait did not say yes >&2; cat >/dev/null; exit 2; }'"
)

// A line is the command line of a hook that asks gait, in the form of examples/integrations.
type line struct{ flags map[string]string }

// lineFlags are the flags that such a line may have, and whether they take a value.
var lineFlags = map[string]bool{
	"--actor": true, "--done-if-failed": true, "--id": true, "--lease": true, "--lock-timeout": true, "--root": true, "--sign-key": true, "--timeout": true,
	"--accept-clock": false, "--allow-network-fs": false, "--require-daemon": false,
}

// What a shell takes as it stands.
var (
	plainProgram = regexp.MustCompile(`^(/[A-Za-z0-9_.+-]+)*/gait$|^gait$`)
	plainValue   = regexp.MustCompile(`^[A-Za-z0-9_./:,@+][A-Za-z0-9_./:,@+-]*$`)
)

// lineOf reads the command line of a hook. It is not known what any other line does than one of the
// examples' form.
func lineOf(host Host, command string) (line, bool) {
	inner, ok := strings.CutSuffix(command, lineEnd)
	if host == Codex || !ok {
		inner, ok = strings.CutPrefix(command, shellBegin)
		if ok {
			inner, ok = strings.CutSuffix(inner, shellEnd)
		}
	}
	words := strings.Split(inner, " ")
	if !ok || len(words) < 3 || !plainProgram.MatchString(words[0]) || words[1] != "hook" || words[2] != string(host) {
		return line{}, false
	}
	l := line{flags: map[string]string{}}
	for words = words[3:]; len(words) > 0; words = words[1:] {
		name, value, given := strings.Cut(words[0], "=")
		takes, known := lineFlags[name]
		if takes && !given && len(words) > 1 {
			words = words[1:]
			value = words[0]
		}
		_, twice := l.flags[name]
		if !known || twice || takes != plainValue.MatchString(value) || !takes && given {
			return line{}, false
		}
		l.flags[name] = value
	}
	if d, err := time.ParseDuration(l.flags["--timeout"]); l.flags["--timeout"] != "" && (err != nil || d <= 0) {
		return line{}, false
	}
	if root := l.flags["--root"]; root != "" && !filepath.IsAbs(root) {
		return line{}, false
	}
	return l, true
}
