// Package content keeps plain content beside a ledger: bytes that an event names by
// their SHA-256, such as the proof that a continued job brings with it, and that are
// too large for the event, or are not the ledger's own.
//
// # Files
//
//	<root>/content/<64 hexadecimal digits>    the bytes whose SHA-256 the name is
//	<root>/content/.<64 hexadecimal digits>   the same, while they are being written
//
// The directory is 0700 and the files are 0600. A file is written under the second
// name, synced, renamed and the directory synced: when Put returns, the content is
// durable, so an event that is committed afterwards never names content that a power
// cut has taken away. PutAll syncs the directory once for many contents. What a crash leaves under the second name is no content, and the
// next Put of the same bytes replaces it.
//
// What is read is compared with its name. Bytes that are not those named are a
// *DamagedError, and content that is not there is a *MissingError: the events
// that name it are whole and proved without it.
package content
