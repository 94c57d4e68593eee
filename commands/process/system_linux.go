package process

import (
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// attributes are those of each command: a process group of its own, and the death of the thread
// that starts it is its own.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// waitExited waits until a child has ended, and does not reap it.
func waitExited(pid int) {
	for unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil) == unix.EINTR {
		continue
	}
}

// uptime is the time since some moment, with that in which the machine slept.
func uptime() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &t); err != nil {
		panic("process: " + err.Error())
	}
	return time.Duration(t.Nano())
}
