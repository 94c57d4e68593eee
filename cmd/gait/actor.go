package main

import (
	"os"
	"os/user"
	"strconv"

	"gait/ledger"
)

// actor returns the name of who acts: the flag, GAIT_ACTOR, the actor of the
// token with which the command is sent, or the login name.
func (s *surroundings) actor(flag string) string {
	if flag != "" {
		return flag
	}
	if name := s.getenv("GAIT_ACTOR"); name != "" {
		return name
	}
	if name := s.tokenActor(); name != "" {
		return name
	}
	if u, err := user.Current(); err == nil && u.Username != "" {
		return ledger.OSActor(u.Username)
	}
	return ledger.OSActor("uid-" + strconv.Itoa(os.Getuid()))
}
