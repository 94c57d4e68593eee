package main

import (
	"encoding/xml"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// A unit says what a service manager is to run: gait serve on a root.
type unit struct {
	binary string // absolute path of gait
	root   string // absolute path of the root
	home   string // absolute path of the user's keys
	user   string // for systemd; "": the user whose manager runs it
}

// printUnit prints the unit that serves the root, as it is named here and now.
func (a *app) printUnit(systemd bool) error {
	var u unit
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
		return fmt.Errorf("making the unit: %w", err)
	}
	if at := filepath.Join(u.root, socketName); len(at) > maxSocketPath {
		return &usageError{code: "root_too_long", text: fmt.Sprintf("the socket %s would have %d bytes in its path, and may have %d: elsewhere, clients of a service would not find it", at, len(at), maxSocketPath), hint: "serve a root with a shorter path"}
	}
	text := u.launchd()
	if systemd {
		if os.Getuid() == 0 {
			u.user = "root"
		}
		text = u.systemd()
	}
	return a.print(object{"unit": text}, func(s *screen) { s.add(text) })
}

// systemd returns the unit as a systemd service. It may write where the ledger
// and the keys are, and nowhere else.
func (u unit) systemd() string {
	user, target := "", "default.target"
	if u.user != "" {
		user, target = "User="+systemdText(u.user)+"\n", "multi-user.target"
	}
	return fmt.Sprintf(`[Unit]
Description=gait, durable jobs of %s
After=local-fs.target

[Service]
Type=exec
ExecStart=%s serve --root %s
Environment=%s
%sRestart=on-failure
RestartSec=1
TimeoutStopSec=60
UMask=0077
LimitNOFILE=65536
NoNewPrivileges=yes
ProtectSystem=strict
ReadWritePaths=%s %s
PrivateDevices=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectControlGroups=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
RestrictNamespaces=yes
RestrictRealtime=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
SystemCallArchitectures=native

[Install]
WantedBy=%s
`, systemdText(u.root), systemdCommand(u.binary), systemdCommand(u.root), systemdWord("GAIT_HOME="+u.home), user,
		systemdWord(u.root), systemdWord(u.home), target)
}

// systemdText spells text so that systemd reads no specifier in it.
func systemdText(text string) string { return strings.ReplaceAll(text, "%", "%%") }

// systemdWord spells a word of a setting that is split into words.
func systemdWord(word string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\t", `\t`, "%", "%%").Replace(word) + `"`
}

// systemdCommand spells a word of a command, in which $ begins a variable too.
func systemdCommand(word string) string {
	return strings.ReplaceAll(systemdWord(word), "$", "$$")
}

// launchd returns the unit as a property list of a launchd agent.
func (u unit) launchd() string {
	return fmt.Sprintf(`<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
	<key>Label</key>
	<string>gait.serve</string>
	<key>ProgramArguments</key>
	<array>
		<string>%s</string>
		<string>serve</string>
		<string>--root</string>
		<string>%s</string>
	</array>
	<key>EnvironmentVariables</key>
	<dict>
		<key>GAIT_HOME</key>
		<string>%s</string>
	</dict>
	<key>RunAtLoad</key>
	<true/>
	<key>KeepAlive</key>
	<dict>
		<key>SuccessfulExit</key>
		<false/>
	</dict>
	<key>ExitTimeOut</key>
	<integer>60</integer>
	<key>Umask</key>
	<integer>63</integer>
	<key>ProcessType</key>
	<string>Background</string>
</dict>
</plist>
`, xmlText(u.binary), xmlText(u.root), xmlText(u.home))
}

func xmlText(text string) string {
	var b strings.Builder
	if err := xml.EscapeText(&b, []byte(text)); err != nil {
		panic("gait: " + err.Error()) // a Builder takes everything
	}
	return b.String()
}
