package process_test

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// openTerminal returns the two ends of a new pseudo-terminal.
func openTerminal(t *testing.T) (master, tty *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Skipf("there are no pseudo-terminals: %v", err)
	}
	t.Cleanup(func() { master.Close() })
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	tty, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tty.Close() })
	return master, tty
}

// TestTerminal runs a supervisor on a terminal. Its command reads and writes the terminal, is not
// stopped, and does not get what the terminal's keys send; it cannot open /dev/tty.
func TestTerminal(t *testing.T) {
	master, tty := openTerminal(t)
	m := mark()
	cmd := exec.Command(self()[0], "supervise-terminal", "sh", "-c",
		"stty tostop; trap 'echo interrupted' INT; read a; echo got $a; (: </dev/tty) 2>/dev/null || echo none; sleep 0.5; exit 4 "+m)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = tty, tty, tty
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	shown := make(chan byte, 1<<16)
	go func() {
		for b := make([]byte, 1); ; {
			n, err := master.Read(b)
			if err != nil {
				close(shown)
				return
			}
			for _, c := range b[:n] {
				shown <- c
			}
		}
	}()
	var screen strings.Builder
	read := func(text string) {
		t.Helper()
		for late := time.After(long); !strings.Contains(screen.String(), text); {
			select {
			case c := <-shown:
				screen.WriteByte(c)
			case <-late:
				t.Fatalf("the terminal shows %q, want %q", screen.String(), text)
			}
		}
	}
	read("started")
	fmt.Fprint(master, "hello\n")
	read("got hello")
	read("none")
	fmt.Fprint(master, "\x03")
	read("supervisor interrupted")
	read("ended 4")
	if strings.Contains(screen.String(), "\ninterrupted") {
		t.Errorf("the command got the terminal's SIGINT: %q", screen.String())
	}
	_ = cmd.Wait()
	gone(t, m)
}
