package jcs

// IsCanonical is isCanonical, for tests.
var IsCanonical = isCanonical
