package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

var oddUnit = serviceUnit{root: `/srv/a b/100%/"x"\y/$HOME/<&>`, home: "/home/o'b/%h/.config/gait", user: "agent"}

func TestSystemdQuotes(t *testing.T) {
	u := oddUnit
	u.binary = "/opt/my tools/gait"
	got := u.systemd()
	for _, line := range []string{
		`ExecStart="/opt/my tools/gait" serve --root "/srv/a b/100%%/\"x\"\\y/$$HOME/<&>"`,
		`Environment="GAIT_HOME=/home/o'b/%%h/.config/gait"`,
		`ReadWritePaths="-/srv/a b/100%%/\"x\"\\y/$HOME/<&>" "-/home/o'b/%%h/.config/gait"`,
		`#   mkdir -p '/srv/a b/100%/"x"\y/$HOME/<&>' '/home/o'\''b/%h/.config/gait'`,
		"User=agent", "UMask=0077", "NoNewPrivileges=yes", "ProtectSystem=strict", "Restart=always", "StartLimitIntervalSec=0", "WantedBy=multi-user.target",
	} {
		if !slices.Contains(strings.Split(got, "\n"), line) {
			t.Errorf("the unit has no line %s:\n%s", line, got)
		}
	}
	if strings.Contains(got, "RuntimeDirectory") {
		t.Errorf("a root with a short path needs no runtime directory:\n%s", got)
	}
	u.root += strings.Repeat("/long", 20)
	if got := u.systemd(); !strings.Contains(got, "\nRuntimeDirectory=gait\n") {
		t.Errorf("a root with a long path has no runtime directory, and may write in no other:\n%s", got)
	}
}

// The manager of a user other than root cannot carry out what needs a mount namespace or
// capabilities: it would not start the unit.
func TestSystemdOfAUser(t *testing.T) {
	u := oddUnit
	u.user, u.binary = "", "/usr/bin/gait"
	got := u.systemd()
	for _, refused := range []string{"User=", "Protect", "Private", "Paths=", "Directory", "Capabilit", "multi-user", "local-fs"} {
		if strings.Contains(got, refused) {
			t.Errorf("a user's unit has %s:\n%s", refused, got)
		}
	}
	for _, line := range []string{"WantedBy=default.target", "Restart=always", "#   mkdir -p ~/.config/systemd/user", "#   systemctl --user enable --now gait.service"} {
		if !slices.Contains(strings.Split(got, "\n"), line) {
			t.Errorf("a user's unit has no line %s:\n%s", line, got)
		}
	}
}

// systemd-analyze accepts the unit that the command prints, for the system and for a
// user.
func TestSystemdVerifies(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip(err)
	}
	for _, long := range []bool{false, true} {
		for _, whose := range []string{"--system", "--user"} {
			b := newGait(t)
			root := filepath.Join(b.dir, `a b/100%/"x"\y/$HOME/<&>`)
			if long {
				root += strings.Repeat("/long", 20)
			}
			cmd := b.command("serve", "--systemd", "--root", root)
			if whose == "--user" {
				asUser(t, cmd)
			} else if os.Getuid() != 0 {
				continue
			}
			var said strings.Builder
			cmd.Stderr = &said
			unit, err := cmd.Output()
			if err != nil || !strings.Contains(said.String(), "to install it: mkdir -p") {
				t.Fatalf("gait serve --systemd: %v\n%s", err, said.String())
			}
			file := filepath.Join(t.TempDir(), "gait.service")
			if err := os.WriteFile(file, unit, 0o644); err != nil {
				t.Fatal(err)
			}
			verify := exec.Command(analyze, whose, "verify", "--man=no", file)
			verify.Env = append(os.Environ(), "XDG_RUNTIME_DIR="+t.TempDir())
			out, err := verify.CombinedOutput()
			if err != nil || strings.Contains(string(out), "gait.service") {
				t.Errorf("systemd-analyze %s verify: %v\n%s\n%s", whose, err, out, unit)
			}
		}
	}
}

// asUser makes cmd run as a user other than root.
func asUser(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if os.Getuid() != 0 {
		return
	}
	dir := t.TempDir()
	at := filepath.Join(dir, "gait")
	if err := errors.Join(os.Link(cmd.Path, at), os.Chmod(filepath.Dir(dir), 0o755)); err != nil { // else that user cannot enter
		t.Skip(err)
	}
	cmd.Path = at
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65533, Gid: 65533}}
}

// What no unit can hold is refused, and not written into one.
func TestUnitOfAPathWithControlCharacters(t *testing.T) {
	b := newGait(t)
	for _, how := range []string{"--systemd", "--launchd"} {
		for _, name := range []string{"a\nExecStart=/bin/true", "a\x1b[2J", "a\xff"} {
			if code, said := b.run("serve", how, "--root", filepath.Join(b.dir, name), "--json"); code != exitInvalid || said.ErrorCode != "invalid_path" {
				t.Errorf("%s of the root %q exits %d: %s", how, name, code, said.ErrorCode)
			}
		}
	}
}

// The command prints the property list as it is, with its tabs.
func TestLaunchdPrints(t *testing.T) {
	b := newGait(t)
	list, err := b.command("serve", "--launchd").Output()
	if err != nil {
		t.Fatal(err)
	}
	if text := string(list); !strings.Contains(text, "\n\t<key>KeepAlive</key>\n\t<true/>\n") || strings.Contains(text, `\t`) {
		t.Errorf("the list is\n%s", text)
	}
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip(err)
	}
	read := exec.Command(python, "-c", `import plistlib,sys; p = plistlib.loads(sys.stdin.buffer.read()); print(p["ProgramArguments"][3], p["EnvironmentVariables"]["GAIT_HOME"], p["KeepAlive"], p["Label"])`)
	read.Stdin = bytes.NewReader(list)
	out, err := read.CombinedOutput()
	want := fmt.Sprintf("%s %s True gait.serve\n", filepath.Join(b.dir, "gait-out", "jobs"), filepath.Join(b.dir, "home"))
	if err != nil || string(out) != want {
		t.Errorf("plistlib reads %q, %v, want %q", out, err, want)
	}
}

// What root prints is loaded into the system: an agent of root would run in no session.
func TestLaunchdOfRoot(t *testing.T) {
	u := oddUnit
	for _, step := range append(u.launchdSteps(), u.launchd()) {
		if strings.Contains(step, "LaunchAgents") || strings.Contains(step, "gui/") {
			t.Errorf("what root is told is for a user's session: %s", step)
		}
	}
	u.user = ""
	if steps := strings.Join(u.launchdSteps(), "\n"); !strings.Contains(steps, "launchctl bootstrap gui/$(id -u) ~/Library/LaunchAgents/") || strings.Contains(steps, "LaunchDaemons") {
		t.Errorf("what a user is told: %s", steps)
	}
}

// The property list is XML, from which the paths are read back unchanged.
func TestLaunchdIsXML(t *testing.T) {
	u := oddUnit
	u.binary = "/opt/my tools/<gait>"
	d := xml.NewDecoder(strings.NewReader(u.launchd()))
	var texts []string
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if text, ok := token.(xml.CharData); ok {
			texts = append(texts, string(text))
		}
	}
	for _, want := range []string{u.binary, u.root, u.home} {
		if !slices.Contains(texts, want) {
			t.Errorf("the list does not give %q back: %q", want, texts)
		}
	}
}
