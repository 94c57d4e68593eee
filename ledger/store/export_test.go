package store

// WithBuildStep returns options with which a build writes after so many events how far it is.
func WithBuildStep(o Options, events int64) Options {
	o.buildStep = events
	return o
}
