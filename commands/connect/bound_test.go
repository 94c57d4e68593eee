package connect_test

import (
	"bufio"
	"fmt"
	"net"
	"testing"
	"time"

	"gait/commands/connect"
)

// caller is a client of an echo at a listener that sheds. Who says "known" is known.
type caller struct {
	net.Conn
	lines *bufio.Reader
}

func echoShedding(t *testing.T, limit int) (call func() caller) {
	t.Helper()
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := connect.Shed(tcp, limit)
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				lines := bufio.NewScanner(conn)
				for lines.Scan() {
					if lines.Text() == "known" {
						conn.(interface{ Known() }).Known()
					}
					fmt.Fprintln(conn, lines.Text())
				}
			}()
		}
	}()
	return func() caller {
		conn, err := net.Dial("tcp", tcp.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		return caller{conn, bufio.NewReader(conn)}
	}
}

// says sends a line, and reports whether it comes back.
func (c caller) says(line string) bool {
	c.SetDeadline(time.Now().Add(10 * time.Second))
	fmt.Fprintln(c, line)
	got, err := c.lines.ReadString('\n')
	return err == nil && got == line+"\n"
}

// Strangers, however many come, keep no client out: the oldest have to leave.
func TestStrangersAreShed(t *testing.T) {
	call := echoShedding(t, 16)
	known := call()
	if !known.says("known") {
		t.Fatal("the first caller gets no answer")
	}
	var strangers []caller
	for range 100 {
		c := call()
		if !c.says("stranger") {
			t.Fatalf("stranger %d gets no answer", len(strangers))
		}
		strangers = append(strangers, c)
	}
	if !known.says("still here") {
		t.Error("a known caller was shed")
	}
	if late := call(); !late.says("known") || !late.says("again") {
		t.Error("one who comes late and is known gets no answer")
	}
	for i, c := range strangers {
		if stays := c.says("still here"); stays != (i >= len(strangers)-12) { // 14 may be open; 2 are known
			t.Errorf("stranger %d of %d stays: %t", i, len(strangers), stays)
		}
	}
}

// Known callers are not shed for each other: the last waits until one leaves.
func TestKnownAreNotShed(t *testing.T) {
	call := echoShedding(t, 16)
	var known []caller
	for range 16 {
		c := call()
		if !c.says("known") {
			t.Fatalf("caller %d gets no answer", len(known))
		}
		known = append(known, c)
	}
	if c := call(); c.says("known") {
		t.Error("one more than the limit was taken")
	}
	for i, c := range known {
		if !c.says("still here") {
			t.Errorf("known caller %d was shed", i)
		}
	}
	known[3].Close()
	until := time.Now().Add(10 * time.Second)
	for c := call(); !c.says("known"); c = call() {
		if time.Now().After(until) {
			t.Fatal("nobody is taken after one has left")
		}
	}
}
