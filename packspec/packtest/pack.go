// Package packtest takes packs apart and assembles changed ones. It is the tool of an
// adversary who knows the format: it uses none of the code that makes or reads packs.
// Only tests import it.
package packtest

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"gait/ledger"
	"gait/ledger/jcs"
)

// ManifestName is the entry that lists the others.
const ManifestName = "pack_manifest.json"

// Files returns the entries of an archive, in its order.
func Files(pack []byte) ([]File, error) {
	z, err := zip.NewReader(bytes.NewReader(pack), int64(len(pack)))
	if err != nil {
		return nil, err
	}
	var files []File
	for _, f := range z.File {
		in, err := f.Open()
		if err != nil {
			return nil, err
		}
		data, err := io.ReadAll(in)
		if err != nil {
			return nil, err
		}
		files = append(files, File{Name: f.Name, Data: data})
	}
	return files, nil
}

// Find returns the entry with this name, or nil.
func Find(files []File, name string) *File {
	i := slices.IndexFunc(files, func(f File) bool { return f.Name == name })
	if i < 0 {
		return nil
	}
	return &files[i]
}

// Set returns files, in order of name, with an entry set.
func Set(files []File, name string, data []byte) []File {
	if have := Find(files, name); have != nil {
		have.Data = data
		return files
	}
	files = append(files, File{Name: name, Data: data})
	slices.SortFunc(files, func(a, b File) int { return strings.Compare(a.Name, b.Name) })
	return files
}

// FirstFormat makes of a job pack without a commitment to the index the pack that older
// versions made: its evidence is of format 1, and text is VERIFY.md of that format. s signs
// it again.
func FirstFormat(files []File, text []byte, s ledger.Signer) error {
	evidence, verify := Find(files, "evidence.json"), Find(files, "VERIFY.md")
	if evidence == nil || verify == nil || !bytes.Contains(evidence.Data, []byte(`"format":2,`)) || Find(files, "index_committed.json") != nil {
		return fmt.Errorf("no pack of evidence format 2 without a commitment")
	}
	evidence.Data = bytes.Replace(evidence.Data, []byte(`"format":2,`), []byte(`"format":1,`), 1)
	verify.Data = text
	return Sign(files, s)
}

// Rotations counts the rotations of the ledger's key in a pack.
func Rotations(files []File) (n int) {
	for Find(files, fmt.Sprintf("keys/%04d.json", n+1)) != nil {
		n++
	}
	return n
}

// Relist updates the manifest's list and its pack_id to match files. The signatures stay
// and become invalid.
func Relist(files []File) error {
	return remake(files, func(m map[string]any) error { return name(m, contents(files)) })
}

// Strip is Relist without signatures.
func Strip(files []File) error {
	return remake(files, func(m map[string]any) error {
		delete(m, "signatures")
		return name(m, contents(files))
	})
}

// Sign is Relist with one signature, by s.
func Sign(files []File, s ledger.Signer) error {
	return remake(files, func(m map[string]any) error { return sign(m, contents(files), s) })
}

// Resign is Sign without updating the manifest's list.
func Resign(files []File, s ledger.Signer) error {
	return remake(files, func(m map[string]any) error { return sign(m, m["contents"], s) })
}

func remake(files []File, change func(map[string]any) error) error {
	file := Find(files, ManifestName)
	if file == nil {
		return fmt.Errorf("no %s", ManifestName)
	}
	var m map[string]any
	err := json.Unmarshal(file.Data, &m)
	if err == nil {
		err = change(m)
	}
	if err == nil {
		file.Data, err = jcs.Marshal(m)
	}
	return err
}

// name sets a manifest's list and its pack_id: the digest of the manifest without pack_id
// in a pack of gait, and with an empty pack_id in a pack of PackSpec v1.
func name(m map[string]any, list any) error {
	m["contents"] = list
	bare := maps.Clone(m)
	delete(bare, "signatures")
	bare["pack_id"] = ""
	if producer, _ := m["producer_version"].(string); strings.HasPrefix(producer, "gait-pack/") {
		delete(bare, "pack_id")
	}
	id, err := digestOf(bare)
	m["pack_id"] = hex.EncodeToString(id[:])
	return err
}

func sign(m map[string]any, list any, s ledger.Signer) error {
	delete(m, "signatures")
	if err := name(m, list); err != nil {
		return err
	}
	digest, err := digestOf(m)
	if err != nil {
		return err
	}
	sig, err := s.Sign(digest[:])
	m["signatures"] = []any{map[string]any{
		"alg": "ed25519", "key_id": s.VerifierKey().ID().String(),
		"sig": base64.StdEncoding.EncodeToString(sig), "signed_digest": hex.EncodeToString(digest[:]),
	}}
	return err
}

func contents(files []File) []any {
	list := []any{}
	for _, f := range files {
		if f.Name == ManifestName {
			continue
		}
		kind := "blob"
		if strings.HasSuffix(f.Name, ".json") {
			kind = "json"
		} else if strings.HasSuffix(f.Name, ".jsonl") {
			kind = "jsonl"
		}
		sum := sha256.Sum256(f.Data)
		list = append(list, map[string]any{"path": f.Name, "sha256": hex.EncodeToString(sum[:]), "type": kind})
	}
	return list
}

func digestOf(m map[string]any) ([32]byte, error) {
	b, err := jcs.Marshal(m)
	return sha256.Sum256(b), err
}
