package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"gait/ledger/home"
	"gait/ledger/root"
)

// An outPath is a path for output that lies outside every ledger's directory and every
// home. All output that is not a ledger's or a home's own goes to one: as an outFile or,
// if it is a directory, as a pendingDir.
type outPath struct{ path string }

func (p outPath) String() string { return p.path }

// in returns the path called name below p.
func (p outPath) in(name string) outPath { return outPath{filepath.Join(p.path, name)} }

// outPath returns the path for output that the user named with a flag. It refuses one
// inside the directory of a ledger or inside a home: a file there can be taken for one
// of gait's, or replace one.
func (s *surroundings) outPath(flag, name string) (outPath, error) {
	if err := s.checkTilde(flag, name); err != nil {
		return outPath{}, err
	}
	own, err := s.homeIfAny()
	if err != nil {
		return outPath{}, err
	}
	if own != "" {
		own = followed(own)
	}
	inHome := func(at string) bool { return own != "" && (at == own || sameFile(at, own)) || home.Is(at) }
	if err := notInside(flag, name, "inside_home", "a directory of keys and trust", inHome); err != nil {
		return outPath{}, err
	}
	return outPath{name}, notInRoot(flag, name)
}

// notInRoot refuses a path inside the directory of a ledger.
func notInRoot(flag, name string) error {
	return notInside(flag, name, "inside_root", "the directory of a ledger", root.Is)
}

// notInside refuses a path that is a directory for which is returns true, or lies
// inside one.
func notInside(flag, name, code, what string, is func(dir string) bool) error {
	full, err := rooted(name)
	if err != nil {
		return err
	}
	for _, way := range ways(full) {
		for at, below := way, ""; at != below; at, below = filepath.Dir(at), at {
			if is(at) {
				return &unsafeError{code: code, text: fmt.Sprintf("%s is inside %s, %s", name, at, what), hint: "choose another place with " + flag}
			}
		}
	}
	return nil
}

// rooted returns a path from the root directory. Unlike filepath.Abs it keeps "..",
// which means another directory behind a link.
func rooted(name string) (string, error) {
	if filepath.IsAbs(name) {
		return name, nil
	}
	here, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("finding the working directory: %w", err)
	}
	return here + string(filepath.Separator) + name, nil
}

// ways returns the paths, without links, that writing to full can mean. The system
// follows a link before it takes the ".." behind it, and package filepath does not;
// some output replaces a link in the last place, and other output follows it.
func ways(full string) []string {
	clean := filepath.Clean(full)
	last := filepath.Base(clean)
	parent, _ := filepath.Split(strings.TrimRight(full, string(filepath.Separator)))
	return []string{
		followed(full), followed(clean),
		filepath.Join(followed(parent), last), filepath.Join(followed(filepath.Dir(clean)), last),
	}
}

// maxLinks is how many links are followed in one path, as the system does.
const maxLinks = 40

// followed returns a path from the root directory without links and "..", as the
// system follows it. What does not exist, or cannot be looked at, is no link.
func followed(path string) string { return follow(path, func(string) bool { return false }) }

// follow is followed, and ends early at the first path on the way for which stop
// returns true.
func follow(path string, stop func(at string) bool) string {
	at, links := string(filepath.Separator), 0
	for todo := path; todo != ""; {
		name, rest, _ := strings.Cut(todo, string(filepath.Separator))
		todo = rest
		switch name {
		case "", ".":
			continue
		case "..":
			at = filepath.Dir(at)
			continue
		}
		next := filepath.Join(at, name)
		if stop(next) {
			return next
		}
		to, err := os.Readlink(next)
		if links++; err != nil || links > maxLinks {
			at, links = next, links-1
			continue
		}
		if filepath.IsAbs(to) {
			at = string(filepath.Separator)
		}
		todo = to + string(filepath.Separator) + todo
	}
	return at
}

// sameFile reports whether both paths are there and are one file.
func sameFile(a, b string) bool {
	one, err := os.Stat(a)
	if err != nil {
		return false
	}
	other, err := os.Stat(b)
	return err == nil && os.SameFile(one, other)
}
