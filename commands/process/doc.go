// Package process starts a command and ends it for certain, with all that it started in its
// process group: on request, when the command's first process ends, and when the process that
// asked for it is killed.
//
//	guard, err := process.NewGuard([]string{gait, process.GuardArg})
//	p, err := guard.Start(ctx, process.Command{Args: []string{"python3", "worker.py"}, Env: env, Stdout: os.Stdout, Tail: 8192})
//	p.Expire(time.Minute)
//	exit := p.Wait()
//
// # The guard
//
// The commands are not children of the process that starts them, but of its guard: another
// process of the same program, which runs nothing but [GuardMain]. The two talk over a socket,
// which passes the command's standard files. So one process, which does nothing else, knows the
// commands' process groups from before the first instruction of a command runs, and lives on
// when its supervisor is killed: it then reads the end of the socket, and kills all groups. If
// the guard itself is killed, its supervisor reads the end of the socket and does the same; on
// Linux the kernel also kills the first process of each command then. If both are killed at
// once, processes that a command started can live on.
//
// The guard also does what must not wait for a supervisor that is frozen (SIGSTOP, a suspended
// terminal, a debugger): it kills a command after the grace that Terminate gave it, and at the
// time that Expire said, which counts while the machine sleeps.
//
// # Groups
//
// A signal goes to the command's whole process group. When its first process has ended, what is
// left of the group is killed before that process is reaped, since its id, which is that of the
// group, cannot be given to another process until then. A process that leaves the group (setsid,
// a daemon, a shell with job control) is not followed. One that holds the command's output open
// is not waited for.
//
// # Terminals
//
// The guard has a session of its own, without a terminal. So Ctrl-C, Ctrl-Z and the end of a
// terminal reach the supervisor alone, which passes on what it means by Terminate or Signal. A
// command can read and write a terminal that it was given as a file, and is not stopped for
// doing so in the background; /dev/tty is not there for it, so that what would ask for a password
// there fails, instead of waiting for one.
package process
