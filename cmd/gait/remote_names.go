package main

// Variables that make commands clients of a daemon that is named by a URL.
const (
	urlVariable       = "GAIT_URL"
	tokenFileVariable = "GAIT_TOKEN_FILE"
	caVariable        = "GAIT_CA"
)

// askForToken is the hint to a user who has no token that can be used.
const askForToken = "ask the ledger's owner for a token, who makes one where the ledger is served, there: gait serve token add"
