package store

// WithBuildStep returns options with which a build writes after so many events how far it is.
func WithBuildStep(o Options, events int64) Options {
	o.buildStep = events
	return o
}

// WithTagFlush returns options with which the journal of tags ends after so many changes.
func WithTagFlush(o Options, changes int64) Options {
	o.tagFlush = changes
	return o
}

// CallKey returns the key of the row of a call.
var CallKey = callKey
