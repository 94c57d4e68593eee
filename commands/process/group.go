package process

import (
	"os"
	"sync"
	"syscall"
	"time"
)

// goneWithin is how long the rest of a killed group may take to be gone before it is no longer
// waited for. Where process 1 does not reap its children, they stay for ever.
const goneWithin = 100 * time.Millisecond

// A group is a command's process group, to its guard.
type group struct {
	process *os.Process // the first process, whose id is that of the group

	mu       sync.Mutex
	reaped   bool          // the id may be another process's now
	killAt   time.Duration // after Terminate, by uptime; 0: not
	expireAt time.Duration // after Expire, by uptime; 0: not
	timer    *time.Timer
}

// wait waits for the first process, kills what is left of the group, and returns how the first
// process ended. Until it is reaped, the group's id cannot be used again.
func (c *group) wait() Exit {
	waitExited(c.process.Pid)
	c.mu.Lock()
	_ = syscall.Kill(-c.process.Pid, syscall.SIGKILL)
	state, err := c.process.Wait()
	c.reaped = true
	if c.timer != nil {
		c.timer.Stop()
	}
	c.mu.Unlock()
	for pause := time.Millisecond / 4; pause < goneWithin/2 && syscall.Kill(-c.process.Pid, 0) != syscall.ESRCH; pause *= 2 {
		time.Sleep(pause)
	}
	if err != nil {
		return killed
	}
	if s, ok := state.Sys().(syscall.WaitStatus); ok {
		return exitOf(s)
	}
	return Exit{Code: state.ExitCode()}
}

// signal sends a signal to the group, unless the first process was reaped.
func (c *group) signal(s syscall.Signal) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.send(s)
}

// send sends a signal. The caller holds mu.
func (c *group) send(s syscall.Signal) {
	if !c.reaped {
		_ = syscall.Kill(-c.process.Pid, s)
	}
}

// terminate asks the group to end, and has it killed after grace, or at an earlier time that was
// set before.
func (c *group) terminate(grace time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if grace > 0 {
		c.send(syscall.SIGTERM)
		c.send(syscall.SIGCONT) // a stopped process would not take it
	}
	if at := uptime() + grace; c.killAt == 0 || at < c.killAt {
		c.killAt = at
	}
	c.check()
}

// expire has the group killed after a time, whatever was set before.
func (c *group) expire(in time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.expireAt = uptime() + in
	c.check()
}

// checkEvery is how often a group that is to be killed is looked at: timers stand still while the
// machine sleeps, and uptime does not.
const checkEvery = time.Second

// check kills the group if it is time, or comes back later. The caller holds mu.
func (c *group) check() {
	if c.timer != nil {
		c.timer.Stop()
	}
	due := c.expireAt
	if due == 0 || c.killAt != 0 && c.killAt < due {
		due = c.killAt
	}
	if c.reaped || due == 0 {
		return
	}
	left := due - uptime()
	if left <= 0 {
		c.send(syscall.SIGKILL)
		left = checkEvery // a process that is being made may have missed it
	}
	c.timer = time.AfterFunc(min(left, checkEvery), func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.check()
	})
}
