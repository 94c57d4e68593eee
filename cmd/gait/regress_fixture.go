package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"gait/packspec/regress"
)

// regressDir is the default directory of fixtures.
const regressDir = "regress"

// fixturesIn returns the --dir flag for a directory of fixtures, or "" for the
// default.
func fixturesIn(dir string) string {
	if dir == regressDir {
		return ""
	}
	return " --dir " + quoted(dir)
}

// loadFixture opens a fixture, whose folder must not be a link. The caller closes the
// folder when it needs the fixture no longer.
func loadFixture(place string) (*regress.Fixture, folder, error) {
	all, err := openFolder(filepath.Dir(place))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, folder{}, fmt.Errorf("%w: %s is missing", regress.ErrFixture, place)
	}
	if err != nil {
		return nil, folder{}, err
	}
	defer all.close()
	dir, err := all.folder(filepath.Base(place))
	if err != nil {
		return nil, folder{}, fmt.Errorf("%w: %s is no folder: %w", regress.ErrFixture, place, err)
	}
	f, err := regress.Load(dir)
	if err != nil {
		dir.close()
		return nil, folder{}, fmt.Errorf("%s: %w", place, err)
	}
	return f, dir, nil
}

// writeFixture writes a fixture under a temporary name, and renames it when it is
// whole.
func writeFixture(at outPath, c regress.Config, pack []byte) error {
	h, err := regress.HistoryOf(pack)
	if err != nil {
		return err
	}
	files, err := regress.Files(c, h)
	if err != nil {
		return err
	}
	files[regress.PackFile] = pack
	out, err := newPendingDir(at, "--name", 0o644)
	if err != nil {
		return err
	}
	defer out.remove()
	if err := out.addAll(files); err != nil {
		return fmt.Errorf("writing the fixture: %w", err)
	}
	return out.keep()
}

// updateFixture replaces expect/, and adds the reason to regress.yaml. Other files
// of the folder stay. A crash may leave no expect/; another update makes it.
func updateFixture(ctx context.Context, at outPath, f *regress.Fixture, why regress.Update) error {
	files, err := f.Updated(why)
	if err != nil {
		return err
	}
	config := files[regress.ConfigFile]
	delete(files, regress.ConfigFile)
	expect := at.in(regress.ExpectDir)
	out, err := beginPending(expect, 0o644)
	if err != nil {
		return err
	}
	defer out.remove()
	for name, text := range files {
		if err := out.add(strings.TrimPrefix(name, regress.ExpectDir+"/"), text); err != nil {
			return err
		}
	}
	if err := os.RemoveAll(expect.path); err != nil {
		return err
	}
	if err := out.keep(); err != nil {
		return err
	}
	file, err := at.in(regress.ConfigFile).file(ctx, "--dir", nil)
	if err != nil {
		return err
	}
	return file.write(config)
}

// looksLikeFixture reports whether a folder holds any part of a fixture. One that
// lacks a part is a bad fixture, and must be reported.
func looksLikeFixture(place string) bool {
	return slices.ContainsFunc([]string{regress.ConfigFile, regress.PackFile, regress.ExpectDir}, func(name string) bool {
		_, err := os.Lstat(filepath.Join(place, name))
		return err == nil
	})
}

// fixtureNames returns the names of the fixtures asked for, or of all.
func fixtureNames(dir string, asked []string) ([]string, error) {
	for _, name := range asked {
		if problem := regress.CheckName(name); problem != "" {
			return nil, &usageError{code: "invalid_name", text: fmt.Sprintf("%.80q: %s", name, problem), hint: "name fixtures by the names of their folders"}
		}
	}
	if len(asked) > 0 {
		return asked, nil
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, &usageError{code: "fixture_not_found", text: dir + " is not a directory of fixtures", hint: "gait regress init --from JOB --name NAME"}
	}
	var names []string
	for _, e := range entries {
		if e.IsDir() && !strings.HasPrefix(e.Name(), ".") && looksLikeFixture(filepath.Join(dir, e.Name())) {
			names = append(names, e.Name())
		}
	}
	if len(names) == 0 {
		return nil, &usageError{code: "fixture_not_found", text: dir + " holds no fixture", hint: "gait regress init --from JOB --name NAME"}
	}
	slices.Sort(names)
	return names, nil
}
