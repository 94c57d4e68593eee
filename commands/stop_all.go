package commands

import (
	"crypto/sha256"
	"encoding/base32"
	"strings"
)

// StopRequestID returns the request id of the stop of a job by a run that stops many. Done
// again, the run uses the same ids, and so stops each job once, however often it is interrupted.
func StopRequestID(run, job string) string {
	sum := sha256.Sum256([]byte("gait stop --all\x00" + run + "\x00" + job))
	return "stop-" + strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:]))
}
