package main

import (
	"encoding/xml"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"gait/commands/connect"
)

// A serviceUnit tells a service manager to run gait serve on a root.
type serviceUnit struct {
	binary string // absolute path of gait
	root   string // absolute path of the root
	home   string // absolute path of the user's keys
	user   string // whom the system's manager runs it as; "" for the user whose manager runs it

	flags []string // of gait serve
}

// unitFlags returns the flags of this command line that a unit's command has too.
func unitFlags(cmd *cobra.Command) (flags []string) {
	cmd.Flags().Visit(func(f *pflag.Flag) {
		switch f.Name {
		case "allow-network-fs", "accept-clock", "quiet", "lock-timeout", "log-format", "log-level", "max-content":
			flags = append(flags, strings.TrimSuffix("--"+f.Name+"="+f.Value.String(), "=true"))
		}
	})
	return flags
}

// printUnit prints the unit that serves this root, with absolute paths.
func printUnit(a *app, systemd bool, flags []string) error {
	u, err := unitOf(a)
	if err != nil {
		return err
	}
	u.flags = flags
	text, steps := u.launchd(), u.launchdSteps()
	if systemd {
		text, steps = u.systemd(), u.systemdSteps()
	}
	if a.json {
		return a.print(object{"unit": text, "steps": steps}, nil)
	}
	if !isTerminal(a.stdout) { // there the unit itself shows them
		for _, step := range steps {
			a.notice("to install it: " + step)
		}
	}
	_, err = io.WriteString(a.stdout, text) // not through a screen, which would escape its tabs
	return err
}

// unitOf returns the unit of this root. It fails for paths that no unit can hold.
func unitOf(a *app) (u serviceUnit, err error) {
	home, err := a.home()
	if err == nil {
		u.home, err = filepath.Abs(home)
	}
	if err == nil {
		u.root, err = filepath.Abs(a.rootDir())
	}
	if err == nil {
		u.binary, err = os.Executable()
	}
	if err != nil {
		return u, fmt.Errorf("making the unit: %w", err)
	}
	if os.Getuid() == 0 {
		u.user = "root"
	}
	for _, path := range []string{u.binary, u.root, u.home} {
		if !utf8.ValidString(path) || strings.ContainsFunc(path, unicode.IsControl) {
			return u, &usageError{code: "invalid_path", text: fmt.Sprintf("no unit can hold the path %+q", path), hint: "serve a root whose path is plain text"}
		}
	}
	return u, nil
}

// joined returns words as a part of a line, each after a space.
func joined(words []string, quote func(string) string) (text string) {
	for _, word := range words {
		text += " " + quote(word)
	}
	return text
}

// commented returns the steps as comments.
func commented(steps []string) string {
	return "#   " + strings.Join(steps, "\n#   ") + "\n"
}

// systemdSteps returns the commands that install the systemd unit.
func (u serviceUnit) systemdSteps() []string {
	print := "gait serve --systemd --root " + quoted(u.root) + joined(u.flags, quoted) + " > "
	if u.user != "" {
		return []string{
			"mkdir -p " + quoted(u.root) + " " + quoted(u.home), print + "/etc/systemd/system/gait.service",
			"systemctl daemon-reload", "systemctl enable --now gait.service",
		}
	}
	return []string{
		"mkdir -p ~/.config/systemd/user", print + "~/.config/systemd/user/gait.service", "systemctl --user daemon-reload",
		"systemctl --user enable --now gait.service", "loginctl enable-linger   # to serve while you are logged out, too",
	}
}

// systemd returns the unit as a systemd service.
func (u serviceUnit) systemd() string {
	after, confined, target := "", "", "default.target"
	if u.user != "" {
		after, confined, target = "After=local-fs.target\n", u.confined(), "multi-user.target"
	}
	return fmt.Sprintf(`# gait serve for one root. To install this unit:
%s
[Unit]
Description=gait, durable jobs of %s
%sStartLimitIntervalSec=0

[Service]
Type=exec
ExecStart=%s serve --root %s%s
Environment=%s
Restart=always
RestartSec=1
TimeoutStopSec=60
UMask=0077
LimitNOFILE=65536
NoNewPrivileges=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
RestrictNamespaces=yes
RestrictRealtime=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
SystemCallArchitectures=native
%s
[Install]
WantedBy=%s
`, commented(u.systemdSteps()), systemdText(u.root), after, systemdCommand(u.binary), systemdCommand(u.root), joined(u.flags, systemdCommand), systemdWord("GAIT_HOME="+u.home), confined, target)
}

// confined returns settings that a system's manager can carry out, and a user's often
// cannot: the service may write to the directories of the ledger and of the keys only,
// which need not be there when it starts.
func (u serviceUnit) confined() string {
	away := ""
	if len(filepath.Join(u.root, connect.SocketName)) > connect.MaxSocketPath {
		away = "Environment=XDG_RUNTIME_DIR=%t\nRuntimeDirectory=gait\nRuntimeDirectoryMode=0700\nRuntimeDirectoryPreserve=yes\n"
	}
	return fmt.Sprintf(`User=%s
%sProtectSystem=strict
ReadWritePaths=%s %s
PrivateDevices=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectControlGroups=yes
`, systemdText(u.user), away, systemdWord("-"+u.root), systemdWord("-"+u.home))
}

// systemdText escapes text so that systemd finds no specifier in it.
func systemdText(text string) string { return strings.ReplaceAll(text, "%", "%%") }

// systemdWord quotes a word of a setting that systemd splits into words.
func systemdWord(word string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "%", "%%").Replace(word) + `"`
}

// systemdCommand quotes a word of a command, in which $ also begins a variable.
func systemdCommand(word string) string {
	return strings.ReplaceAll(systemdWord(word), "$", "$$")
}

// launchdPlace returns the directory of the property list, and the domain that it is
// loaded into: of the system if root prints it, whose agents only run in a session.
func (u serviceUnit) launchdPlace() (dir, domain string) {
	if u.user != "" {
		return "/Library/LaunchDaemons", "system"
	}
	return "~/Library/LaunchAgents", "gui/$(id -u)"
}

// launchdSteps returns the commands that install the launchd agent or daemon.
func (u serviceUnit) launchdSteps() []string {
	dir, domain := u.launchdPlace()
	made := quoted(u.root) + " " + quoted(u.home)
	if u.user == "" {
		made = dir
	}
	return []string{
		"mkdir -p " + made,
		"gait serve --launchd --root " + quoted(u.root) + joined(u.flags, quoted) + " > " + dir + "/gait.serve.plist",
		"launchctl bootstrap " + domain + " " + dir + "/gait.serve.plist",
	}
}

// launchd returns the unit as a property list of a launchd agent or daemon.
func (u serviceUnit) launchd() string {
	dir, domain := u.launchdPlace()
	var flags strings.Builder
	for _, flag := range u.flags {
		flags.WriteString("\n\t\t<string>" + xmlText(flag) + "</string>")
	}
	return fmt.Sprintf(`<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<!-- gait serve for one root. Save this list as %[1]s/gait.serve.plist, whose directory
     mkdir -p %[1]s makes, then:
     launchctl bootstrap %[2]s %[1]s/gait.serve.plist -->
<plist version="1.0">
<dict>
	<key>Label</key>
	<string>gait.serve</string>
	<key>ProgramArguments</key>
	<array>
		<string>%[3]s</string>
		<string>serve</string>
		<string>--root</string>
		<string>%[4]s</string>%[5]s
	</array>
	<key>EnvironmentVariables</key>
	<dict>
		<key>GAIT_HOME</key>
		<string>%[6]s</string>
	</dict>
	<key>RunAtLoad</key>
	<true/>
	<key>KeepAlive</key>
	<true/>
	<key>ExitTimeOut</key>
	<integer>60</integer>
	<key>Umask</key>
	<integer>63</integer>
	<key>ProcessType</key>
	<string>Background</string>
</dict>
</plist>
`, dir, domain, xmlText(u.binary), xmlText(u.root), flags.String(), xmlText(u.home))
}

func xmlText(text string) string {
	var b strings.Builder
	if err := xml.EscapeText(&b, []byte(text)); err != nil {
		panic("gait: " + err.Error()) // a Builder never fails
	}
	return b.String()
}
