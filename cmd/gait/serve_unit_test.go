package main

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var oddUnit = unit{root: `/srv/a b/100%/"x"\y/$HOME/<&>`, home: "/home/o'b/%h/.config/gait", user: "agent"}

func TestSystemdQuotes(t *testing.T) {
	u := oddUnit
	u.binary = "/opt/my tools/gait"
	got := u.systemd()
	for _, line := range []string{
		`ExecStart="/opt/my tools/gait" serve --root "/srv/a b/100%%/\"x\"\\y/$$HOME/<&>"`,
		`Environment="GAIT_HOME=/home/o'b/%%h/.config/gait"`,
		`ReadWritePaths="/srv/a b/100%%/\"x\"\\y/$HOME/<&>" "/home/o'b/%%h/.config/gait"`,
		"User=agent", "UMask=0077", "NoNewPrivileges=yes", "ProtectSystem=strict", "Restart=on-failure", "WantedBy=multi-user.target",
	} {
		if !slices.Contains(strings.Split(got, "\n"), line) {
			t.Errorf("the unit has no line %s:\n%s", line, got)
		}
	}
	u.user = ""
	if got := u.systemd(); strings.Contains(got, "User=") || !strings.Contains(got, "WantedBy=default.target") {
		t.Errorf("a unit of a user names one:\n%s", got)
	}
}

// systemd itself finds nothing to say against the unit.
func TestSystemdVerifies(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip(err)
	}
	u := oddUnit
	u.user = "root"
	u.binary = filepath.Join(t.TempDir(), "my 100% gait")
	if err := os.WriteFile(u.binary, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "gait.service")
	if err := os.WriteFile(file, []byte(u.systemd()), 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(analyze, "verify", "--man=no", file).CombinedOutput()
	if err != nil || strings.Contains(string(out), "gait.service") {
		t.Errorf("systemd-analyze verify: %v\n%s", err, out)
	}
}

// The property list is XML that gives the paths back as they are.
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
