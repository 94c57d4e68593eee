package packspec_test

import (
	"bytes"
	"compress/flate"
	"hash/crc32"
	"slices"
	"strings"
	"testing"

	"gait/packspec"
	"gait/packspec/packtest"
)

// The failures' reasons for refusing an archive.
const (
	noEnd     = "it does not end in the end record"
	noDir     = "the directory is not right before the end record"
	badRecord = "its directory record is not as a pack's is"
	badLocal  = "its local header is not as the directory has it"
	badOrder  = "names are in order, each once"
	badName   = "cannot stand there"
	badEntry  = "not an entry of a job pack"
)

// A trick changes a pack's archive into one that is no pack.
type trick struct {
	name   string
	do     func(*packtest.Zip)
	reason string
}

// The tricks change the pack's second entry, evidence.json.
func second(z *packtest.Zip) *packtest.Entry { return &z.Entries[1] }

// local and central change one header of the second entry. both changes both headers, and
// corrects all offsets.
func local(change func(*packtest.Header)) func(*packtest.Zip) {
	return func(z *packtest.Zip) { change(&second(z).Local) }
}

func central(change func(*packtest.Header)) func(*packtest.Zip) {
	return func(z *packtest.Zip) { change(&second(z).Dir) }
}

func both(change func(*packtest.Header)) func(*packtest.Zip) {
	return func(z *packtest.Zip) {
		local(change)(z)
		central(change)(z)
		z.Settle()
	}
}

func record(change func(*packtest.Entry)) func(*packtest.Zip) {
	return func(z *packtest.Zip) { change(second(z)) }
}

// settled changes an archive and corrects its offsets.
func settled(change func(*packtest.Zip)) func(*packtest.Zip) {
	return func(z *packtest.Zip) {
		change(z)
		z.Settle()
	}
}

func end(change func(*packtest.End)) func(*packtest.Zip) {
	return func(z *packtest.Zip) { change(&z.End) }
}

// fields changes each of the fields that both headers have.
var fields = []struct {
	name   string
	change func(*packtest.Header)
}{
	{"version", func(h *packtest.Header) { h.Version = 20 }},
	{"version_zip64", func(h *packtest.Header) { h.Version = 45 }},
	{"flag_encrypted", func(h *packtest.Header) { h.Flags = 1 }},
	{"flag_descriptor", func(h *packtest.Header) { h.Flags = 8 }},
	{"flag_utf8", func(h *packtest.Header) { h.Flags = 1 << 11 }},
	{"flag_masked_headers", func(h *packtest.Header) { h.Flags = 1 << 13 }},
	{"method_deflate", func(h *packtest.Header) { h.Method = 8 }},
	{"method_unknown", func(h *packtest.Header) { h.Method = 99 }},
	{"time", func(h *packtest.Header) { h.Time = 1 }},
	{"date", func(h *packtest.Header) { h.Date++ }},
	{"date_zero", func(h *packtest.Header) { h.Date = 0 }},
	{"packed_size", func(h *packtest.Header) { h.Packed++ }},
	{"size", func(h *packtest.Header) { h.Size++ }},
	{"extra_timestamp", func(h *packtest.Header) { h.Extra = []byte("UT\x05\x00\x01\x00\x00\x00\x00") }},
	{"extra_unicode_path", func(h *packtest.Header) { h.Extra = []byte("up\x0e\x00\x01\x00\x00\x00\x00other.txt") }},
	{"extra_zip64", func(h *packtest.Header) {
		h.Extra = append([]byte("\x01\x00\x10\x00"), make([]byte, 16)...)
	}},
	{"zip64_sizes", func(h *packtest.Header) {
		h.Packed, h.Size = 1<<32-1, 1<<32-1
		h.Extra = append([]byte("\x01\x00\x10\x00"), bytes.Repeat([]byte{1, 0, 0, 0, 0, 0, 0, 0}, 2)...)
	}},
}

func headerTricks() (all []trick) {
	for _, f := range fields {
		here, there := badLocal, badRecord
		switch {
		case f.name == "zip64_sizes":
			here = badRecord
		case strings.HasPrefix(f.name, "extra_"):
			here = badRecord // of the entry after
		}
		all = append(all, trick{"local_" + f.name, settled(local(f.change)), here},
			trick{"directory_" + f.name, settled(central(f.change)), badRecord}, trick{"both_" + f.name, both(f.change), there})
	}
	return append(all,
		trick{"local_crc", local(func(h *packtest.Header) { h.CRC ^= 1 }), badLocal},
		trick{"directory_crc", central(func(h *packtest.Header) { h.CRC ^= 1 }), badLocal},
		trick{"both_crc", both(func(h *packtest.Header) { h.CRC ^= 1 }), "the content does not have the CRC-32"},
		trick{"local_name", local(func(h *packtest.Header) { h.Name = "evidence.jsom" }), badLocal},
		trick{"directory_name", central(func(h *packtest.Header) { h.Name = "evidence.jsom" }), badLocal},
		trick{"local_name_longer", settled(local(func(h *packtest.Header) { h.Name += "x" })), badRecord},
		trick{"directory_name_longer", settled(central(func(h *packtest.Header) { h.Name += "x" })), badRecord},
		trick{"local_name_empty", settled(local(func(h *packtest.Header) { h.Name = "" })), badRecord},
		trick{"both_sizes_shorter", both(func(h *packtest.Header) { h.Size--; h.Packed-- }), badRecord},
		trick{"both_sizes_huge", both(func(h *packtest.Header) { h.Size, h.Packed = 1<<31, 1<<31 }), "reach into the directory"},
		trick{"made_by_dos", record(func(e *packtest.Entry) { e.MadeBy = 20 }), badRecord},
		trick{"made_by_newer", record(func(e *packtest.Entry) { e.MadeBy = 3<<8 | 63 }), badRecord},
		trick{"mode_symlink", record(func(e *packtest.Entry) { e.External = 0o120777 << 16 }), badRecord},
		trick{"mode_directory", record(func(e *packtest.Entry) { e.External = 0o040755<<16 | 16 }), badRecord},
		trick{"mode_device", record(func(e *packtest.Entry) { e.External = 0o060644 << 16 }), badRecord},
		trick{"mode_setuid", record(func(e *packtest.Entry) { e.External = 0o104755 << 16 }), badRecord},
		trick{"mode_none", record(func(e *packtest.Entry) { e.External = 0 }), badRecord},
		trick{"internal_attributes", record(func(e *packtest.Entry) { e.Internal = 1 }), badRecord},
		trick{"entry_comment", settled(record(func(e *packtest.Entry) { e.Comment = "read me" })), badRecord},
		trick{"entry_on_another_disk", record(func(e *packtest.Entry) { e.Disk = 1 }), badRecord},
		trick{"entry_disk_zip64", record(func(e *packtest.Entry) { e.Disk = 1<<16 - 1 }), badRecord},
		trick{"entry_offset", record(func(e *packtest.Entry) { e.At++ }), badRecord},
		trick{"entry_offset_zip64", record(func(e *packtest.Entry) { e.At = 1<<32 - 1 }), badRecord},
	)
}

// layoutTricks move, hide, repeat and overlap parts of the archive.
func layoutTricks() []trick {
	descriptor := []byte("PK\x07\x08\x00\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00\x00")
	return []trick{
		{"trailing_byte", func(z *packtest.Zip) { z.After = []byte{0} }, noEnd},
		{"trailing_newline", func(z *packtest.Zip) { z.After = []byte("\n") }, noEnd},
		{"leading_byte", func(z *packtest.Zip) { z.Before = []byte{0} }, noDir},
		{"leading_byte_settled", settled(func(z *packtest.Zip) { z.Before = []byte{0} }), badRecord},
		{"leading_script", settled(func(z *packtest.Zip) { z.Before = []byte("#!/bin/sh\nexit 0\n") }), badRecord},
		{"leading_pdf", settled(func(z *packtest.Zip) { z.Before = []byte("%PDF-1.7\n") }), badRecord},
		{"archive_appended", func(z *packtest.Zip) { z.After = z.Bytes() }, noDir},
		{"archive_prepended", settled(func(z *packtest.Zip) { z.Before = z.Bytes() }), badRecord},
		{"gap_after_entry", settled(record(func(e *packtest.Entry) { e.After = []byte("hidden") })), badRecord},
		{"gap_before_directory", settled(func(z *packtest.Zip) { z.Gap = []byte("hidden") }), "bytes between the last entry and the directory"},
		{"gap_before_end", func(z *packtest.Zip) { z.PreEnd = []byte("hidden") }, noDir},
		{"gap_in_directory", func(z *packtest.Zip) { z.PreEnd = []byte("hidden"); z.End.Size += 6 }, "after its last record"},
		{"digital_signature", func(z *packtest.Zip) { z.PreEnd = []byte("PK\x05\x05\x01\x00x"); z.End.Size += 7 }, "after its last record"},
		{"archive_extra_data", settled(func(z *packtest.Zip) { z.Gap = []byte("PK\x06\x08\x01\x00\x00\x00x") }), "bytes between the last entry and the directory"},
		{"data_descriptor", settled(func(z *packtest.Zip) {
			e := second(z)
			e.Local.Flags, e.Dir.Flags, e.After = 8, 8, descriptor
			e.Local.CRC, e.Local.Packed, e.Local.Size = 0, 0, 0
		}), badRecord},
		{"data_descriptor_without_flag", settled(record(func(e *packtest.Entry) { e.After = descriptor })), badRecord},
		{"unsorted", settled(func(z *packtest.Zip) { z.Entries[1], z.Entries[2] = z.Entries[2], z.Entries[1] }), badOrder},
		{"directory_unsorted", func(z *packtest.Zip) {
			z.Listed = slices.Clone(z.Entries)
			z.Listed[1], z.Listed[2] = z.Listed[2], z.Listed[1]
		}, badRecord},
		{"duplicate_name", settled(func(z *packtest.Zip) { z.Entries = slices.Insert(z.Entries, 1, z.Entries[1]) }), badOrder},
		{"duplicate_name_at_end", settled(func(z *packtest.Zip) { z.Entries = append(z.Entries, z.Entries[1]) }), badOrder},
		{"duplicate_name_other_content", settled(func(z *packtest.Zip) {
			z.Entries = slices.Insert(z.Entries, 2, packtest.New([]packtest.File{{Name: "evidence.json", Data: []byte("{}")}}).Entries[0])
		}), badOrder},
		{"duplicate_record", settled(func(z *packtest.Zip) { z.Listed = slices.Insert(slices.Clone(z.Entries), 1, z.Entries[1]) }), badRecord},
		{"entry_not_in_directory", settled(func(z *packtest.Zip) { z.Listed = slices.Delete(slices.Clone(z.Entries), 1, 2) }), badRecord},
		{"record_without_entry", func(z *packtest.Zip) {
			z.Listed = slices.Clone(z.Entries)
			z.Entries = slices.Delete(slices.Clone(z.Entries), 1, 2)
			z.Settle()
		}, "reach into the directory"},
		{"overlapping_entries", func(z *packtest.Zip) { second(z).At = z.Entries[0].At }, badRecord},
		{"overlap_quoted", func(z *packtest.Zip) {
			first := &z.Entries[0]
			grow := uint32(len(z.Bytes())) - z.End.Size - first.Dir.Size - 200
			first.Dir.Size, first.Dir.Packed = first.Dir.Size+grow, first.Dir.Packed+grow
		}, badRecord},
		{"local_magic", func(z *packtest.Zip) { z.Before = []byte("PK\x01\x02") }, noDir},
		{"nothing", func(z *packtest.Zip) { *z = packtest.Zip{} }, "a file of 22 bytes"},
		{"no_entries", settled(func(z *packtest.Zip) { z.Entries = nil; z.Before = make([]byte, 100) }), "0 entries"},
		{"spanned_marker", settled(func(z *packtest.Zip) { z.Before = []byte("PK\x07\x08") }), badRecord},
	}
}

func endTricks() []trick {
	zip64 := "PK\x06\x06\x2c" + strings.Repeat("\x00", 7) + "\x2d\x03\x2d" + strings.Repeat("\x00", 41)
	locator := "PK\x06\x07" + strings.Repeat("\x00", 12) + "\x01\x00\x00\x00"
	return []trick{
		{"comment", func(z *packtest.Zip) { z.End.Comment = "hello" }, noEnd},
		{"comment_length_lies", func(z *packtest.Zip) { b := z.End; b.Comment = "x"; z.End = b; z.After = []byte("y") }, noEnd},
		{"end_in_comment", func(z *packtest.Zip) { z.End.Comment = endBytes(z.End) }, noDir},
		{"end_in_comment_fits", func(z *packtest.Zip) {
			inner := z.End
			inner.Size += 22
			z.End.Comment = endBytes(inner)
		}, "after its last record"},
		{"two_ends", func(z *packtest.Zip) { z.PreEnd = []byte(endBytes(z.End)) }, noDir},
		{"two_ends_fit", func(z *packtest.Zip) { z.PreEnd = []byte(endBytes(z.End)); z.End.Size += 22 }, "after its last record"},
		{"end_magic", func(z *packtest.Zip) { z.After = []byte(strings.Repeat("\x00", 22)) }, noEnd},
		{"end_disk", end(func(e *packtest.End) { e.Disk = 1 }), noEnd},
		{"end_directory_disk", end(func(e *packtest.End) { e.DirDisk = 1 }), noEnd},
		{"end_disks", end(func(e *packtest.End) { e.Disk, e.DirDisk = 1, 1 }), noEnd},
		{"end_count_here", end(func(e *packtest.End) { e.Here-- }), noEnd},
		{"end_count_total", end(func(e *packtest.End) { e.Total++ }), noEnd},
		{"end_count_more", end(func(e *packtest.End) { e.Here++; e.Total++ }), "cut off"},
		{"end_count_fewer", end(func(e *packtest.End) { e.Here--; e.Total-- }), "after its last record"},
		{"end_count_zero", end(func(e *packtest.End) { e.Here, e.Total = 0, 0 }), "0 entries"},
		{"end_directory_size_more", end(func(e *packtest.End) { e.Size++ }), noDir},
		{"end_directory_size_fewer", end(func(e *packtest.End) { e.Size-- }), noDir},
		{"end_directory_offset_more", end(func(e *packtest.End) { e.At++ }), noDir},
		{"end_directory_offset_zero", end(func(e *packtest.End) { e.At = 0 }), noDir},
		{"end_directory_shifted", end(func(e *packtest.End) { e.At++; e.Size-- }), "directory record 0"},
		{"zip64_count", end(func(e *packtest.End) { e.Here, e.Total = 1<<16-1, 1<<16-1 }), "65535 entries"},
		{"zip64_disk", end(func(e *packtest.End) { e.Disk, e.DirDisk = 1<<16-1, 1<<16-1 }), noEnd},
		{"zip64_directory_size", end(func(e *packtest.End) { e.Size = 1<<32 - 1 }), noDir},
		{"zip64_directory_offset", end(func(e *packtest.End) { e.At = 1<<32 - 1 }), noDir},
		{"zip64_records", func(z *packtest.Zip) {
			z.PreEnd = []byte(zip64 + locator)
			z.End.Here, z.End.Total, z.End.Size, z.End.At = 1<<16-1, 1<<16-1, 1<<32-1, 1<<32-1
		}, "65535 entries"},
		{"zip64_records_unused", func(z *packtest.Zip) { z.PreEnd = []byte(zip64 + locator) }, noDir},
		{"zip64_locator_alone", func(z *packtest.Zip) { z.PreEnd = []byte(locator) }, noDir},
	}
}

func endBytes(e packtest.End) string {
	z := packtest.Zip{End: e}
	return string(z.Bytes())
}

// nameTricks rename the second entry. Whether a pack may have an entry with a valid name
// is checked only after the archive.
func nameTricks() (all []trick) {
	for _, n := range []struct{ trick, name, reason string }{
		{"parent", "../evidence.json", badName},
		{"parent_inside", "a/../../evidence.json", badName},
		{"absolute", "/etc/passwd", badName},
		{"backslash", `..\evidence.json`, badName},
		{"drive", `C:\evidence.json`, badName},
		{"drive_slash", "C:/evidence.json", badName},
		{"unc", `\\server\share`, badName},
		{"stream", "evidence.json:hidden", badName},
		{"nul", "evidence.json\x00.txt", badName},
		{"newline", "evidence\n.json", badName},
		{"escape", "\x1b[2Jevidence.json", badName},
		{"bad_utf8", "evid\xffence.json", badName},
		{"overlong_utf8", "evid\xc0\xafence.json", badName},
		{"fullwidth", "ｅvidence.json", badName},
		{"right_to_left", "evi\u202enosj.ecned", badName},
		{"combining", "evidénce.json", badName},
		{"space", "evidence .json", badName},
		{"space_at_end", "evidence.json ", badName},
		{"hidden", ".evidence.json", badName},
		{"dot", "./evidence.json", badName},
		{"double_slash", "a//evidence.json", badName},
		{"slash_at_end", "evidence.json/", "ends in /"},
		{"dash", "-rf", badName},
		{"home", "~/evidence.json", badName},
		{"empty", "", "a name of 0 bytes"},
		{"long", strings.Repeat("e", 129), "a name of 129 bytes"},
		{"very_long", strings.Repeat("e", 1<<16-1), noDir},
		{"device", "con", badEntry},
		{"other_case", "evidence.JSON", badEntry},
		{"dot_at_end", "evidence.json.", badEntry},
		{"subdirectory", "evidence/json", badEntry},
	} {
		all = append(all, trick{"name_" + n.trick, both(func(h *packtest.Header) { h.Name = n.name }), n.reason})
	}
	return append(all, trick{"name_upper_case", settled(func(z *packtest.Zip) {
		e := second(z)
		e.Local.Name, e.Dir.Name = "Evidence.json", "Evidence.json"
		z.Entries[0], z.Entries[1] = z.Entries[1], z.Entries[0]
	}), badEntry})
}

// bombTricks are small files that unpack to large ones, or claim to.
func bombTricks() []trick {
	zeros := make([]byte, 16<<20)
	return []trick{
		{"bomb_deflated", settled(record(func(e *packtest.Entry) {
			e.Data = deflate(zeros)
			for _, h := range []*packtest.Header{&e.Local, &e.Dir} {
				h.Version, h.Method, h.CRC, h.Packed, h.Size = 20, 8, crc32.ChecksumIEEE(zeros), uint32(len(e.Data)), uint32(len(zeros))
			}
		})), badRecord},
		{"bomb_deflated_said_stored", settled(record(func(e *packtest.Entry) {
			e.Data = deflate(zeros)
			e.Local.Packed, e.Dir.Packed = uint32(len(e.Data)), uint32(len(e.Data))
			e.Local.Size, e.Dir.Size = uint32(len(zeros)), uint32(len(zeros))
		})), badRecord},
		{"bomb_overlapping_records", func(z *packtest.Zip) {
			z.Listed = slices.Repeat(z.Entries[:1], 60)
			z.Settle()
		}, badRecord},
		{"bomb_entries", settled(func(z *packtest.Zip) { z.Entries = slices.Repeat(z.Entries[1:2], 65) }), "names are in order, each once"},
		{"bomb_nested", settled(record(func(e *packtest.Entry) {
			inner := packtest.Archive([]packtest.File{{Name: "evidence.json", Data: zeros[:1024]}})
			e.Data = inner
			for _, h := range []*packtest.Header{&e.Local, &e.Dir} {
				h.CRC, h.Packed, h.Size = crc32.ChecksumIEEE(inner), uint32(len(inner)), uint32(len(inner))
			}
		})), "its SHA-256 is not the manifest's"},
	}
}

func deflate(b []byte) []byte {
	var out bytes.Buffer
	w, err := flate.NewWriter(&out, flate.BestCompression)
	if err == nil {
		_, err = w.Write(b)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		panic(err)
	}
	return out.Bytes()
}

// manifestTricks leave the archive valid, but the manifest describes another one.
func manifestTricks() []trick {
	note := packtest.New([]packtest.File{{Name: "notes.txt", Data: []byte("x")}}).Entries[0]
	return []trick{
		{"unlisted", settled(func(z *packtest.Zip) { z.Entries = slices.Insert(z.Entries, len(z.Entries)-1, note) }), badEntry},
		{"unlisted_after_manifest", settled(func(z *packtest.Zip) {
			e := note
			e.Local.Name, e.Dir.Name = "z.txt", "z.txt"
			z.Entries = append(z.Entries, e)
		}), badEntry},
		{"missing", settled(func(z *packtest.Zip) { z.Entries = slices.Delete(z.Entries, 2, 3) }), "the pack has no such entry"},
		{"missing_manifest", settled(func(z *packtest.Zip) { z.Entries = z.Entries[:len(z.Entries)-1] }), "the pack has no manifest"},
		{"manifest_alone", settled(func(z *packtest.Zip) { z.Entries = z.Entries[len(z.Entries)-1:] }), "the pack has no such entry"},
		{"contents_swapped", settled(func(z *packtest.Zip) {
			a, b := &z.Entries[1], &z.Entries[2]
			a.Local.Name, b.Local.Name = b.Local.Name, a.Local.Name
			a.Dir.Name, b.Dir.Name = b.Dir.Name, a.Dir.Name
			*a, *b = *b, *a
		}), "its SHA-256 is not the manifest's"},
	}
}

func tricks() []trick {
	return slices.Concat(headerTricks(), layoutTricks(), endTricks(), nameTricks(), bombTricks(), manifestTricks())
}

// Without a trick the archive verifies, so only the trick is refused.
func TestZipWithoutTricks(t *testing.T) {
	pack, _ := small(t)
	if got := packtest.Archive(files(t, pack)); !bytes.Equal(got, pack) {
		t.Errorf("packtest writes %d bytes, the pack has %d", len(got), len(pack))
	}
	var again packspec.Buffer
	if err := packspec.Rebuild(bytes.NewReader(pack), int64(len(pack)), &again); err != nil || !bytes.Equal(again.Bytes(), pack) {
		t.Errorf("rebuilt as another one: %v", err)
	}
}
