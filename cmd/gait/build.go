package main

import "runtime/debug"

// defaultVersion is the version of a build that is not from a tagged module.
const defaultVersion = "0.1.0-dev"

// moduleVersion returns the version that the module was built at.
func moduleVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" || info.Main.Version == "(devel)" {
		return defaultVersion
	}
	return info.Main.Version
}

// producerVersion names this version of gait in the events it submits.
func producerVersion() string { return "gait/" + moduleVersion() }
