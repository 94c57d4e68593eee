// Package v1 reads packs of PackSpec v1, which other tools write: a zip file of a
// manifest, a job's state, its payload and its events, without evidence of a ledger.
//
// Open reads the container. It takes what the zip writers of those tools do, bounded
// and with no byte of the file unaccounted for. Pack.Job reads the rest, and folds the
// events by the rules of those tools, which are not gait's. Nothing here looks at the
// manifest's signatures: package packspec does, before more than the manifest is read, and reports what PackSpec v1 cannot
// show.
package v1
