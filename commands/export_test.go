package commands

// Attempts is how often the engine tries.
const Attempts = attempts
