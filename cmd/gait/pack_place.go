package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"

	"gait/ledger"
	"gait/packspec"
)

// A packPlan says which pack to build, and into which file.
type packPlan struct {
	kind, ref string // its type and source, as the manifest has them
	name      string // of a job's pack in its default place; "": ref
	out       string // its file; "" for the default
	fields    object // of the JSON output, for this kind of pack
	at        outFile
	attest    *attestPlan // its attestation, or nil
}

// file returns the pack's file.
func (p packPlan) file() string {
	if p.out != "" {
		return p.out
	}
	name := cmp.Or(p.name, p.ref)
	if p.kind != packspec.TypeJob {
		name = p.kind + "_" + p.ref
	}
	return filepath.Join(".", "gait-out", packPrefix+noColon(name)+packSuffix)
}

// place finds where the pack goes.
func (p *packPlan) place(a *app) (err error) {
	p.at, err = a.outFile("--out", p.file())
	return err
}

// placeBoth finds where the pack goes and, if one is asked for, its attestation.
func (p *packPlan) placeBoth(a *app, attested bool) error {
	if err := p.place(a); err != nil || !attested {
		return err
	}
	job := ""
	if p.kind == packspec.TypeJob {
		job = p.ref
	}
	made, err := attestBeside(a, p.at, job)
	p.attest = made
	return err
}

// What the default name of a pack begins and ends with.
const (
	packPrefix = "pack_"
	packSuffix = ".zip"
)

// noColon returns a name as NTFS and the artifact stores of CI systems take it: with +
// for each colon. No job's id has a +, so that no two ids become one name.
func noColon(name string) string { return strings.ReplaceAll(name, ":", "+") }

// oldName returns the default name that the pack of a job had in older versions of
// gait, if it was another one: with the colons of the job's id.
func (p packPlan) oldName() (name string, other bool) {
	return filepath.Join(".", "gait-out", packPrefix+p.ref+packSuffix), p.out == "" && cmp.Or(p.name, p.ref) == p.ref && noColon(p.ref) != p.ref
}

// packAt returns the path of the pack that a path names. If there is none, and the name
// is a default one of older versions, it is the pack that has that name now.
func packAt(name string) string {
	dir, file := filepath.Split(name)
	if _, err := os.Lstat(name); err == nil || !strings.HasPrefix(file, packPrefix) || !strings.HasSuffix(file, packSuffix) {
		return name
	}
	now := dir + noColon(file)
	if _, err := os.Lstat(now); err != nil {
		return name
	}
	return now
}

// A madePack is a pack that is not in its place yet.
type madePack struct {
	packPlan
	built packspec.BuiltPack
	file  *pendingFile
	keys  ledger.Keyring // of its ledger
	final bool           // nothing can be written to that ledger here
}

// deliver puts a pack in its place, unless making it failed with err. The ledger is
// closed by then: the reader of a pipe may let it wait.
func (m *madePack) deliver(a *app, err error) error {
	if m == nil {
		return err
	}
	defer m.file.remove()
	if err != nil {
		return err
	}
	if err := m.file.keep(); err != nil {
		return fmt.Errorf("writing the pack: %w", err)
	}
	built := m.built
	fields := object{
		"path": m.at.path, "pack_id": built.Manifest.PackID, "pack_type": m.kind, "bytes": built.Size, "origin": built.Checkpoint.Origin,
		"tree_size": built.Checkpoint.Size, "root": built.Checkpoint.Root, "cosigned": built.Cosigned,
	}
	if built.Commitment != nil {
		fields["commitment"] = *built.Commitment
	}
	maps.Copy(fields, m.fields)
	if err := m.attest.deliver(fields); err != nil {
		return err
	}
	m.replaceOld(a)
	return a.print(fields, func(s *screen) { showBuilt(s, m) })
}

func showBuilt(s *screen, m *madePack) {
	at, built := m.at, m.built
	what, events, complete := built.Manifest.SourceRef, "", ""
	if built.Manifest.PackType == packspec.TypeRange {
		what = "a range"
		events = fmt.Sprintf("%d to %d, in whole bundles", built.Coverage.From(), built.Coverage.To())
	}
	switch {
	case built.Commitment != nil:
		complete = fmt.Sprintf("proved by event %d, which commits to the ledger's index", *built.Commitment)
	case built.Manifest.PackType == packspec.TypeRange:
	case built.Unproved != nil:
		complete = fmt.Sprintf("not proved: the ledger's index cannot be computed: %s", plain(built.Unproved.Error()))
	case m.final:
		complete = "not proved: no event of that tree commits to the ledger's index after the job, and none can be added here"
	default:
		complete = "not proved: no event of that tree commits to the ledger's index after the job; gait ledger cosign"
	}
	tree := fmt.Sprintf("%s, root %s", count(built.Checkpoint.Size, "event"), built.Checkpoint.Root)
	if built.Cosigned {
		tree += ", cosigned"
	}
	s.done("packed %s", s.bold(what))
	lines := [][2]string{
		{"file", fmt.Sprintf("%s (%s)", at, count(built.Size, "byte"))},
		{"pack id", built.Manifest.PackID},
		{"events", events},
		{"origin", built.Checkpoint.Origin},
		{"tree", tree},
		{"complete", complete},
	}
	next := "gait pack verify " + quoted(at.path)
	if m.attest != nil {
		lines = append(lines, [2]string{"attestation", m.attest.at.path})
		next += " --attestation " + quoted(m.attest.at.path)
	}
	s.fields(lines...)
	if at.regular() {
		s.next(next)
	}
}

// mayReplaceAll is mayReplace for the pack and its attestation.
func (p packPlan) mayReplaceAll(keys ledger.Keyring) error {
	if err := p.mayReplace(keys); err != nil {
		return err
	}
	return p.attest.mayReplace(keys.Origin())
}

// mayReplace refuses to overwrite any file except a pack of the same job or range
// of the same ledger.
func (p packPlan) mayReplace(keys ledger.Keyring) error {
	if !p.at.exists {
		return nil
	}
	no := &unsafeError{code: "would_overwrite", text: fmt.Sprintf("%s exists and is not a pack of %s %s of this ledger", p.at, p.kind, p.ref), hint: "choose another file with --out"}
	same, err := p.isAt(p.at.target, keys)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil && !same {
		err = no
	}
	return err
}

// isAt reports whether a file is a pack of the same job or range of a ledger with
// these keys.
func (p packPlan) isAt(path string, keys ledger.Keyring) (bool, error) {
	file, err := openNoWait(path)
	if err != nil {
		return false, fmt.Errorf("looking at %s: %w", path, err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return false, err
	}
	pack, err := packspec.Open(file, info.Size())
	if err != nil || pack.Manifest().PackType != p.kind || pack.Manifest().SourceRef != p.ref {
		return false, nil //nolint:nilerr // what cannot be read as a pack is another file
	}
	for _, sig := range pack.Manifest().Signatures {
		for _, key := range keys.Keys() {
			if sig.KeyID == key.ID().String() {
				return true, nil
			}
		}
	}
	return false, nil
}

// replaceOld removes the pack of the same job that an older version of gait left under
// its name: this one takes its place, and it must not be taken for the newest.
func (m *madePack) replaceOld(a *app) {
	old, other := m.oldName()
	if info, err := os.Lstat(old); !other || err != nil || !info.Mode().IsRegular() {
		return
	}
	if same, err := m.isAt(old, m.keys); err != nil || !same {
		return
	}
	if err := os.Remove(old); err != nil {
		a.notice(fmt.Sprintf("%s is an older pack of this job, and could not be removed: %v", old, err))
		return
	}
	a.notice(fmt.Sprintf("%s takes the place of %s, which an older gait made", m.at, old))
}
