package process_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"testing"
	"time"

	"gait/commands/process"
)

// long is how long what must happen may take, on a machine with other work.
const long = 30 * time.Second

func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case process.GuardArg:
			os.Exit(process.GuardMain(os.Stdin))
		case "supervise":
			superviseMain(os.Args[2], os.Args[3], os.Args[4:])
		case "supervise-terminal":
			terminalMain(os.Args[2:])
		}
	}
	os.Exit(m.Run())
}

// superviseMain is a process that starts commands, says so, and waits for them. n commands
// run; each is told to expire after a time, if that is not 0.
func superviseMain(n, expire string, args []string) {
	guard, err := process.NewGuard(self())
	if err != nil {
		panic(err)
	}
	count, _ := strconv.Atoi(n)
	in, _ := time.ParseDuration(expire)
	var commands []*process.Process
	fmt.Println("guard", guardPid(guard))
	for range count {
		p, err := guard.Start(context.Background(), process.Command{Args: args, Env: os.Environ()})
		if err != nil {
			panic(err)
		}
		if in > 0 {
			p.Expire(in)
		}
		fmt.Println("started", p.Pid())
		commands = append(commands, p)
	}
	for _, p := range commands {
		fmt.Println("ended", p.Wait().Code)
	}
	os.Exit(0)
}

// terminalMain is a process that gives a command its own standard files, and lives on when the
// terminal interrupts it.
func terminalMain(args []string) {
	interrupts := make(chan os.Signal, 1)
	signal.Notify(interrupts, os.Interrupt)
	go func() {
		<-interrupts
		fmt.Println("supervisor interrupted")
	}()
	guard, err := process.NewGuard(self())
	if err != nil {
		panic(err)
	}
	p, err := guard.Start(context.Background(), process.Command{Args: args, Env: os.Environ(), Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr})
	if err != nil {
		panic(err)
	}
	fmt.Println("started")
	fmt.Println("ended", p.Wait().Code)
	os.Exit(0)
}

func guardPid(g *process.Guard) int { return g.GuardPid() }

func self() []string {
	path, err := os.Executable()
	if err != nil {
		panic(err)
	}
	return []string{path, process.GuardArg}
}

func newGuard(t *testing.T) *process.Guard {
	t.Helper()
	g, err := process.NewGuard(self())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := g.Close(); err != nil {
			t.Error(err)
		}
	})
	return g
}

// sh is a command that runs a script.
func sh(script string, args ...string) process.Command {
	return process.Command{Args: append([]string{"sh", "-c", script, "sh"}, args...), Env: []string{"PATH=" + os.Getenv("PATH")}, Tail: 4096}
}

func start(t *testing.T, g *process.Guard, c process.Command) *process.Process {
	t.Helper()
	p, err := g.Start(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// run runs a command to its end.
func run(t *testing.T, g *process.Guard, c process.Command) (process.Exit, string) {
	t.Helper()
	p := start(t, g, c)
	e := exitOf(t, p)
	return e, string(p.Tail())
}

// exitOf waits for a command, not for ever.
func exitOf(t *testing.T, p *process.Process) process.Exit {
	t.Helper()
	select {
	case <-p.Done():
		return p.Wait()
	case <-time.After(long):
		t.Fatalf("process %d has not ended", p.Pid())
		return process.Exit{}
	}
}

// await waits until something is so.
func await(t *testing.T, what string, so func() bool) {
	t.Helper()
	for until := time.Now().Add(long); !so(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(until) {
			t.Fatalf("not so: %s", what)
		}
	}
}

// says waits until a command has written a text.
func says(t *testing.T, p *process.Process, text string) {
	t.Helper()
	await(t, fmt.Sprintf("the command says %q", text), func() bool { return strings.Contains(string(p.Tail()), text) })
}

// markers numbers the marks of this process.
var markers = os.Getpid() * 1000

// mark returns a number of seconds to sleep by which a process can be found.
func mark() string {
	markers++
	return fmt.Sprintf("1%d", markers)
}

// marked lists the processes that have a mark among their arguments, and live.
func marked(t *testing.T, mark string) []int {
	t.Helper()
	out, err := exec.Command("ps", "-A", "-o", "pid=,stat=,args=").Output()
	if err != nil {
		t.Fatal(err)
	}
	var pids []int
	for lines := bufio.NewScanner(strings.NewReader(string(out))); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		pid, err := strconv.Atoi(fields[0])
		if err == nil && !strings.Contains(lines.Text(), " supervise ") && !strings.HasPrefix(fields[1], "Z") && strings.Contains(lines.Text(), mark) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// gone waits until no process has a mark.
func gone(t *testing.T, mark string) {
	t.Helper()
	await(t, "no process has the mark "+mark, func() bool { return len(marked(t, mark)) == 0 })
}
