package signer_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gait/commands/signer"
	"gait/ledger"
	"gait/ledger/sshkey"
)

func TestParse(t *testing.T) {
	fingerprint := public(t, "open").Fingerprint()
	for spec, want := range map[string]signer.Spec{
		"":                     {},
		"key":                  {File: "key"},
		"./agent":              {File: "./agent"},
		"/home/ann/.ssh/id":    {File: "/home/ann/.ssh/id"},
		"agents":               {File: "agents"},
		"agent":                {Agent: true},
		"agent:" + fingerprint: {Agent: true, Fingerprint: fingerprint},
	} {
		got, err := signer.Parse(spec)
		if err != nil || got != want || got.String() != spec || got.IsZero() != (spec == "") {
			t.Errorf("Parse(%q) = %+v, %v, as text %q; want %+v", spec, got, err, got, want)
		}
	}
	for _, spec := range []string{
		"agent:", "agent:" + fingerprint[len("SHA256:"):], "agent:SHA256:", "agent:" + fingerprint[:len(fingerprint)-1],
		"agent:" + fingerprint + "=", "agent:MD5:16:27:ac:a5", "agent:SHA512:" + fingerprint[len("SHA256:"):], "agent:ann@laptop",
	} {
		if got, err := signer.Parse(spec); !errors.Is(err, ledger.ErrMalformed) {
			t.Errorf("Parse(%q) = %+v, %v; want ErrMalformed", spec, got, err)
		}
	}
}

func TestFind(t *testing.T) {
	open, ec, sealed := public(t, "open"), public(t, "ec"), public(t, "sealed")
	dir := sshDir(t, "open", "open.pub", "sealed", "sealed.pub", "ec.pub")
	put(t, dir, "config", []byte("Host *\n"))
	put(t, dir, "0.pub", []byte("not a key\n"))
	put(t, dir, "1-cert.pub", []byte("ssh-ed25519-cert-v01@openssh.com AAAA\n"))
	if err := os.Mkdir(filepath.Join(dir, "2.pub"), 0o700); err != nil {
		t.Fatal(err)
	}
	both, one := serve(t, keyring(t, "open", "ec")), serve(t, keyring(t, "rsa", "ec"))
	for _, tt := range []struct {
		name     string
		spec     signer.Spec
		socket   string
		dir      string
		enrolled []sshkey.Key
		want     sshkey.Key
		asks     int
	}{
		{"a file", signer.Spec{File: filepath.Join(dir, "open")}, both, dir, []sshkey.Key{ec}, open, 0},
		{"a fingerprint", signer.Spec{Agent: true, Fingerprint: ec.Fingerprint()}, both, dir, []sshkey.Key{open}, ec, 0},
		{"the agent", signer.Spec{Agent: true}, both, dir, []sshkey.Key{ec}, ec, 0},
		{"the only key of the agent", signer.Spec{Agent: true}, one, "", nil, ec, 0},
		{"the agent before files", signer.Spec{}, both, dir, []sshkey.Key{sealed, ec}, ec, 0},
		{"files after the agent", signer.Spec{}, one, dir, []sshkey.Key{open}, open, 0},
		{"files without an agent", signer.Spec{}, "", dir, []sshkey.Key{open}, open, 0},
		{"a sealed file", signer.Spec{}, one, dir, []sshkey.Key{sealed}, sealed, 1},
		{"the first file by name", signer.Spec{}, one, dir, []sshkey.Key{sealed, open}, open, 0},
	} {
		ask, prompts := asked(words)
		s, err := signer.Find(t.Context(), tt.spec, signer.Options{AgentSocket: tt.socket, SSHDir: tt.dir, Enrolled: tt.enrolled, Passphrase: ask})
		t.Run(tt.name, func(t *testing.T) { signs(t, s, err, tt.want) })
		if len(*prompts) != tt.asks {
			t.Errorf("%s: asked %d times, want %d", tt.name, len(*prompts), tt.asks)
		}
	}
}

func TestFindRefuses(t *testing.T) {
	open, ec, sealed, token := public(t, "open"), public(t, "ec"), public(t, "sealed"), public(t, "token")
	dir := sshDir(t, "open", "open.pub", "ec.pub", "token", "token.pub")
	if err := os.Chmod(filepath.Join(dir, "open"), 0o604); err != nil {
		t.Fatal(err)
	}
	both, one := serve(t, keyring(t, "open", "ec")), serve(t, keyring(t, "rsa"))
	for _, tt := range []struct {
		name     string
		spec     signer.Spec
		socket   string
		dir      string
		enrolled []sshkey.Key
		want     error
		says     []string
	}{
		{"nothing to look for", signer.Spec{}, both, dir, nil, signer.ErrNoKey, nil},
		{"nowhere", signer.Spec{}, one, dir, []sshkey.Key{sealed}, signer.ErrNoKey, []string{sealed.Fingerprint(), "ssh-agent does not have the key", "ssh-rsa", dir}},
		{"nowhere, without an agent", signer.Spec{}, "", dir, []sshkey.Key{sealed}, signer.ErrNoKey, []string{"no ssh-agent", dir}},
		{"neither agent nor directory", signer.Spec{}, "", "", []sshkey.Key{sealed}, signer.ErrNoKey, []string{"~/.ssh"}},
		{"no such directory", signer.Spec{}, "", filepath.Join(dir, "none"), []sshkey.Key{sealed}, signer.ErrNoKey, nil},
		{"a public half alone", signer.Spec{}, one, dir, []sshkey.Key{ec}, signer.ErrNoKey, nil},
		{"an exposed key", signer.Spec{}, one, dir, []sshkey.Key{open}, signer.ErrExposed, []string{"0604"}},
		{"a token that the agent does not have", signer.Spec{}, one, dir, []sshkey.Key{token}, signer.ErrOnToken, []string{"agent:" + token.Fingerprint()}},
		{"the agent has none of them", signer.Spec{Agent: true}, both, dir, []sshkey.Key{sealed}, signer.ErrAgentKey, []string{open.Fingerprint(), ec.Fingerprint()}},
		{"the agent has several", signer.Spec{Agent: true}, both, dir, nil, signer.ErrAgentKeys, []string{"agent:FINGERPRINT", open.Fingerprint()}},
		{"the agent has only others", signer.Spec{Agent: true}, one, dir, nil, signer.ErrAgentKey, []string{"ssh-rsa"}},
	} {
		s, err := signer.Find(t.Context(), tt.spec, signer.Options{AgentSocket: tt.socket, SSHDir: tt.dir, Enrolled: tt.enrolled})
		if !errors.Is(err, tt.want) || s != nil {
			t.Errorf("%s: Find = %v, %v; want %v", tt.name, s, err, tt.want)
			continue
		}
		if fault, _ := ledger.FaultOf(err); !errors.Is(err, signer.ErrNoKey) && fault.Code == "sign_key_missing" {
			t.Errorf("%s: the fault is %+v", tt.name, fault)
		}
		for _, said := range tt.says {
			if !strings.Contains(err.Error(), said) {
				t.Errorf("%s: %v does not say %q", tt.name, err, said)
			}
		}
	}
}
