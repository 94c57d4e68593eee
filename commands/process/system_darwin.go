package process

import (
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// attributes are those of each command: a process group of its own.
func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// waitExited waits until a child has ended, and does not reap it. waitid would also return for one
// that is stopped.
func waitExited(pid int) {
	queue, err := unix.Kqueue()
	if err != nil {
		return // the caller reaps it then before the rest of its group is killed
	}
	defer unix.Close(queue)
	unix.CloseOnExec(queue)
	change := []unix.Kevent_t{{Ident: uint64(pid), Filter: unix.EVFILT_PROC, Flags: unix.EV_ADD | unix.EV_ONESHOT, Fflags: unix.NOTE_EXIT}}
	events := make([]unix.Kevent_t, 1)
	for {
		_, err := unix.Kevent(queue, change, events, nil) // ESRCH, as an event or error, if it has ended already
		if err != unix.EINTR {
			return
		}
		change = nil
	}
}

// uptime is the time since some moment, with that in which the machine slept.
func uptime() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &t); err != nil {
		panic("process: " + err.Error())
	}
	return time.Duration(t.Nano())
}
