package main

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"golang.org/x/sys/unix"

	"gait/packspec/regress"
)

const secret = "compare: [all]\nname: a secret of another directory\n"

// folderBeside makes a directory in which a file and a directory are links to a secret
// beside it, and a pipe has no writer.
func folderBeside(t *testing.T) string {
	t.Helper()
	base := t.TempDir()
	dir, out := filepath.Join(base, "folder"), filepath.Join(base, "out")
	for _, made := range []error{
		os.MkdirAll(filepath.Join(dir, "sub"), 0o700), os.Mkdir(out, 0o700),
		os.WriteFile(filepath.Join(out, "file"), []byte(secret), 0o600), os.WriteFile(filepath.Join(dir, "sub", "own"), []byte("own"), 0o600),
		os.Symlink("../out/file", filepath.Join(dir, "link")), os.Symlink(filepath.Join(out, "file"), filepath.Join(dir, "absolute")),
		os.Symlink("../out", filepath.Join(dir, "there")), os.Symlink("sub", filepath.Join(dir, "here")),
		unix.Mkfifo(filepath.Join(dir, "pipe"), 0o600),
	} {
		if made != nil {
			t.Fatal(made)
		}
	}
	return dir
}

// A folder is read below itself only: no link leads out of it or within it, and opening
// ends.
func TestFolder(t *testing.T) {
	dir := folderBeside(t)
	f, err := openFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer f.close()
	for _, name := range []string{"link", "absolute", "there/file", "here/own", "pipe", "../out/file", "/etc/hosts", "sub/../../out/file", "none", "sub/own/x", ""} {
		if b, err := fs.ReadFile(f, name); err == nil {
			t.Errorf("ReadFile(%q) = %q, want an error", name, b)
		}
		if _, err := fs.Stat(f, name); err == nil {
			t.Errorf("Stat(%q) succeeded", name)
		}
		if _, err := f.folder(name); err == nil {
			t.Errorf("folder(%q) succeeded", name)
		}
	}
	if b, err := fs.ReadFile(f, "sub/own"); err != nil || string(b) != "own" {
		t.Errorf("ReadFile(sub/own) = %q, %v", b, err)
	}
	var walked []string
	err = fs.WalkDir(f, ".", func(name string, _ fs.DirEntry, err error) error {
		walked = append(walked, name)
		return err
	})
	if want := []string{".", "absolute", "here", "link", "pipe", "sub", "sub/own", "there"}; err != nil || !slices.Equal(walked, want) {
		t.Errorf("walked %q, %v, want %q", walked, err, want)
	}
	sub, err := f.folder("sub")
	if err != nil {
		t.Fatal(err)
	}
	defer sub.close()
	if err := fstest.TestFS(sub, "own"); err != nil {
		t.Error(err)
	}
}

// A swappedFolder replaces a file by a link or a pipe after it was looked at.
type swappedFolder struct {
	folder
	swap func(name string)
}

func (f swappedFolder) Lstat(name string) (fs.FileInfo, error) {
	info, err := f.folder.Lstat(name)
	f.swap(name)
	return info, err
}

// What takes the place of a file of a fixture after it was looked at is not read.
func TestFolderSwapped(t *testing.T) {
	for _, by := range []string{"link", "absolute", "there/file", "pipe"} {
		dir := folderBeside(t)
		if err := os.WriteFile(filepath.Join(dir, regress.ConfigFile), []byte("name: a\ncompare: [all]\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := openFolder(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer f.close()
		_, err = regress.Load(swappedFolder{f, func(name string) {
			if name == regress.ConfigFile {
				if err := errors.Join(os.Remove(filepath.Join(dir, name)), os.Symlink(by, filepath.Join(dir, name))); err != nil {
					t.Error(err)
				}
			}
		}})
		if err == nil || strings.Contains(err.Error(), "secret") || errors.Is(err, io.EOF) {
			t.Errorf("replaced by %s: %v, want it refused unread", by, err)
		}
	}
}
