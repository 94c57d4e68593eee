package pebble

import "github.com/cockroachdb/pebble/v2"

// DB returns the Pebble of a table, for tests that tamper with it.
func DB(t *Table) *pebble.DB { return t.db.DB }

// NewFailStop returns the file system that a table puts over fs.
func NewFailStop(fs FS, fatal func(error)) FS { return newFailStop(fs, fatal) }

// Tuned returns options that open Pebble with what tune changes.
func Tuned(o Options, tune func(*pebble.Options)) Options {
	o.tune = tune
	return o
}

// Show lets readers of a table see what a test wrote into its Pebble.
func Show(t *Table) { t.show() }
