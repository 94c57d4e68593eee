package packspec

import (
	"gait/ledger"
	"gait/ledger/jcs"
	"gait/packspec/container"
)

// A packWriter writes a pack: an archive with a signed manifest.
type packWriter struct {
	archiveWriter
	packType, ref, createdAt string
	names                    []string // of the entries, in order
	signer                   ledger.Signer
	manifest                 *section
}

// reserveManifest reserves the section of the manifest, whose size does not depend on
// the contents.
func (p *packWriter) reserveManifest() error {
	entries := make([]container.Entry, len(p.names))
	for i, name := range p.names {
		entries[i].Name = name
	}
	m, err := container.NewManifest(p.packType, p.ref, p.createdAt, entries)
	if err != nil {
		return err
	}
	size, err := m.SignedSize()
	if err != nil {
		return err
	}
	if p.packType == TypeJob && size > container.MaxJobManifest {
		return ErrContents
	}
	p.manifest, err = p.reserve(container.ManifestEntry, size)
	return err
}

// finish signs and writes the manifest, and closes the archive. It returns the size of
// the pack. All other entries are done.
func (p *packWriter) finish() (m container.Manifest, size int64, err error) {
	if m, err = container.NewManifest(p.packType, p.ref, p.createdAt, listed(p.entries())); err != nil {
		return m, 0, err
	}
	if m, err = m.Sign(p.signer); err != nil {
		return m, 0, err
	}
	b, err := jcs.Marshal(m)
	if err != nil {
		return m, 0, err
	}
	if _, err := p.manifest.Write(b); err != nil {
		return m, 0, err
	}
	if err := p.manifest.done(); err != nil {
		return m, 0, err
	}
	size, err = p.close()
	return m, size, err
}
