package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"

	"gait/commands/hook"
)

// maxSettings is how much of a host's settings is read.
const maxSettings = 4 << 20

// examineHost says what fails open in the settings of a host. It changes nothing, and looks at
// no ledger.
func examineHost(a *app, name, project string) error {
	host := hook.Host(name)
	if !slices.Contains(hook.Hosts, host) {
		return &usageError{code: "invalid_usage", text: fmt.Sprintf("--host %.40q is none of %v", name, hook.Hosts), hint: "gait doctor --help"}
	}
	var checks []doctorCheck
	sick := &sickError{}
	for _, f := range host.Examine(settingsOf(a, host, project), hook.Named{Job: a.getenv(jobVariable) != "", Ledger: a.getenv("GAIT_ROOT") != "" || a.getenv(urlVariable) != ""}) {
		checks = append(checks, doctorCheck{Name: f.Name, Status: string(f.Level), Detail: f.Detail, Hint: f.Hint, Code: f.Code})
		if f.Level == hook.Open {
			sick.add(&unsafeError{code: f.Code, text: f.Detail, hint: f.Hint}, exitUnsafe)
		}
	}
	return showDoctor(a, checks, sick)
}

// settingsOf reads the files of a host's settings that are there, as the host looks for them.
func settingsOf(a *app, host hook.Host, project string) []hook.File {
	home := a.getenv("HOME")
	managed, own, dir := "/etc/claude-code", cmp.Or(a.getenv("CLAUDE_CONFIG_DIR"), filepath.Join(home, ".claude")), filepath.Join(project, ".claude")
	if runtime.GOOS == "darwin" {
		managed = "/Library/Application Support/ClaudeCode"
	}
	places := []struct {
		scope hook.Scope
		glob  string
	}{
		{hook.Managed, filepath.Join(managed, "managed-settings.json")},
		{hook.Managed, filepath.Join(managed, "managed-settings.d", "*.json")},
		{hook.User, filepath.Join(own, "settings.json")},
		{hook.Project, filepath.Join(dir, "settings.json")},
		{hook.Project, filepath.Join(dir, "settings.local.json")},
	}
	switch host {
	case hook.ClaudeCode:
	case hook.Generic:
		return nil
	case hook.Codex:
		own, dir = cmp.Or(a.getenv("CODEX_HOME"), filepath.Join(home, ".codex")), filepath.Join(project, ".codex")
		places = places[:0]
		for _, name := range []string{"requirements.toml", "config.toml", "hooks.json"} {
			places = append(places, []struct {
				scope hook.Scope
				glob  string
			}{{hook.Managed, filepath.Join("/etc/codex", name)}, {hook.User, filepath.Join(own, name)}, {hook.Project, filepath.Join(dir, name)}}...)
		}
	}
	var files []hook.File
	for _, p := range places {
		names, err := filepath.Glob(p.glob)
		if err != nil || len(names) == 0 {
			names = []string{p.glob}
		}
		for _, name := range names {
			b, err := readSettings(name)
			if !errors.Is(err, fs.ErrNotExist) {
				files = append(files, hook.File{Name: name, Scope: p.scope, Bytes: b, Err: err})
			}
		}
	}
	return files
}

func readSettings(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, cmp.Or(err, errors.New("it is no file"))
	}
	return io.ReadAll(io.LimitReader(f, maxSettings))
}
