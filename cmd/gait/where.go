package main

import (
	"errors"
	"fmt"
	"os/user"
	"path/filepath"
	"strings"
)

// home returns the directory of the user's keys and trust. The variables that name it
// must hold an absolute path: another directory would be meant in each working
// directory, and with each a ledger would get a new key.
func (s *surroundings) home() (string, error) {
	for _, v := range []struct{ name, below string }{{"GAIT_HOME", ""}, {"XDG_CONFIG_HOME", "gait"}, {"HOME", filepath.Join(".config", "gait")}} {
		dir := s.getenv(v.name)
		switch {
		case dir == "":
			continue
		case !filepath.IsAbs(dir):
			return "", s.notAbsolute(v.name, dir, v.below)
		case v.below == "":
			return dir, nil
		}
		return filepath.Join(dir, v.below), nil
	}
	return "", &usageError{code: codeHomeUnknown, text: "the directory of your keys is unknown: neither GAIT_HOME nor HOME is set", hint: "export GAIT_HOME=/path/to/gait"}
}

const codeHomeUnknown = "home_unknown"

// homeIfAny is home for commands that work without one. It returns "" if none is known.
func (s *surroundings) homeIfAny() (string, error) {
	dir, err := s.home()
	if e, ok := errors.AsType[*usageError](err); ok && e.code == codeHomeUnknown {
		return "", nil
	}
	return dir, err
}

// notAbsolute returns the error for a variable that holds no absolute path.
func (s *surroundings) notAbsolute(name, dir, below string) error {
	meant, err := s.meant(dir)
	if err != nil {
		return err
	}
	return &usageError{
		code: "invalid_home", text: fmt.Sprintf("%s is %.200q, which is not an absolute path: here it means %s", name, dir, meant),
		hint: "export GAIT_HOME=" + quoted(filepath.Join(meant, below)),
	}
}

// meant returns the absolute path that a path means to people: ~ is a home directory,
// and any other path begins in the working directory.
func (s *surroundings) meant(path string) (string, error) {
	first, rest, _ := strings.Cut(path, string(filepath.Separator))
	name, tilde := strings.CutPrefix(first, "~")
	if !tilde {
		return filepath.Abs(path)
	}
	if dir := s.getenv("HOME"); name == "" && filepath.IsAbs(dir) {
		return filepath.Join(dir, rest), nil
	}
	of, err := user.Current()
	if name != "" {
		of, err = user.Lookup(name)
	}
	if err != nil || of.HomeDir == "" {
		return filepath.Abs(path)
	}
	return filepath.Join(of.HomeDir, rest), nil
}

// rootDir returns the directory of the ledger.
func (s *surroundings) rootDir() string {
	if s.dir != "" {
		return s.dir
	}
	if dir := s.getenv("GAIT_ROOT"); dir != "" {
		return dir
	}
	return filepath.Join(".", "gait-out", "jobs")
}

// checkRoot refuses a root whose path begins with a ~ that no shell has expanded.
func (s *surroundings) checkRoot() error {
	what := "--root"
	if s.dir == "" {
		what = "GAIT_ROOT"
	}
	return s.checkTilde(what, s.rootDir())
}

// checkTilde refuses a path in a flag or variable that begins with a ~ that no shell has
// expanded, as in --root=~/jobs: a directory called ~ would be made. One that is there
// can be named ./~.
func (s *surroundings) checkTilde(what, path string) error {
	if !strings.HasPrefix(path, "~") {
		return nil
	}
	plain, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	meant, err := s.meant(path)
	if err != nil || meant == plain { // a name may begin with ~
		return err
	}
	return &usageError{code: "invalid_path", text: fmt.Sprintf("%s is %.200q, and no shell has expanded the ~: here it means %s", what, path, meant), hint: what + " " + quoted(meant)}
}
