package main

import "io"

// An upload is a file whose content a command names.
type upload struct {
	flag, file string
	as         string // projection.AsSubject, AsAmended, or the role of an attachment

	opened io.ReadSeeker // a file, which has no name if it was spooled, or what took its place
	name   string        // "" if it is standard input
	size   int64
}

// uploads are the files whose content a command names.
type uploads struct {
	files []*upload
	limit int64
}
