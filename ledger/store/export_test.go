package store

import "github.com/cockroachdb/pebble/v2"

// DB returns the Pebble of a log, for tests that tamper with it.
func DB(l *Log) *pebble.DB { return l.db.DB }

// EventKey returns the key of an event.
var EventKey = eventKey

// NewFailStop returns the file system that a log puts over fs.
func NewFailStop(fs FS, fatal func(error)) FS { return newFailStop(fs, fatal) }

// Tuned returns options that open Pebble with what tune changes.
func Tuned(o Options, tune func(*pebble.Options)) Options {
	o.tune = tune
	return o
}

// Show lets readers of a log see what a test wrote into its Pebble.
func Show(l *Log) { l.show() }
