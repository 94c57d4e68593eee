package daemon_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"gait/projection/cloudevents"
)

// listen follows events, and returns their ids and data lines as they come.
func (s *testServer) listen(t *testing.T, query, last string) (next func() (id, data string)) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://gait/v1/events?"+query, nil)
	if err != nil {
		t.Fatal(err)
	}
	if last != "" {
		q.Header.Set("Last-Event-ID", last)
	}
	res, err := s.client.HTTP.Do(q)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("following = %v, %v", res, err)
	}
	t.Cleanup(func() { res.Body.Close() })
	lines := bufio.NewScanner(res.Body)
	return func() (id, data string) {
		for lines.Scan() {
			field, value, _ := strings.Cut(lines.Text(), ": ")
			switch {
			case field == "id":
				id = value
			case field == "data":
				data = value
			case lines.Text() == "" && id != "":
				return id, data
			}
		}
		return "", ""
	}
}

// A client that follows gets each event once, byte for byte: those that exist and
// those appended later.
func TestFollow(t *testing.T) {
	s := serve(t)
	s.do(t, submit("j1"), submit("j2"), progress("j1", "a"))
	all, one, late, now := s.listen(t, "since=-1", ""), s.listen(t, "since=-1&job=j1", ""), s.listen(t, "since=-1", "2"), s.listen(t, "", "")
	s.do(t, progress("j2", "b"), progress("j1", "c"))
	for _, tt := range []struct {
		name string
		next func() (string, string)
		want []string
	}{
		{"all", all, []string{"0", "1", "2", "3", "4", "5"}},
		{"one job", one, []string{"1", "3", "5"}},
		{"after the last one", late, []string{"3", "4", "5"}},
		{"from now on", now, []string{"4", "5"}},
	} {
		var got []string
		for range tt.want {
			id, data := tt.next()
			got = append(got, id)
			if want := eventsOf(t, s.Log.Events(t.Context(), 0)); !slices.Contains(want, data) {
				t.Errorf("%s: event %s is not to the letter: %s", tt.name, id, data)
			}
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: got events %v, want %v", tt.name, got, tt.want)
		}
	}
}

// With format=cloudevents the data of each event is a CloudEvent, with the same ids.
func TestFollowCloudEvents(t *testing.T) {
	s := serve(t)
	s.do(t, submit("j1"))
	next := s.listen(t, "since=-1&format=cloudevents", "")
	s.do(t, progress("j1", "a"))
	for e, err := range s.Log.Events(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		if id, data := next(); id != fmt.Sprint(e.Seq()) || data != string(cloudevents.Append(nil, e)) {
			t.Errorf("event %d is sent as %s: %s", e.Seq(), id, data)
		}
	}
	if status, _, _ := s.get(t, http.MethodGet, "/v1/events?format=xml", ""); status != http.StatusBadRequest {
		t.Errorf("format=xml is answered with %d", status)
	}
}

// Streams end when the server is told to stop, and do not delay it.
func TestFollowEnds(t *testing.T) {
	s := serve(t)
	next := s.listen(t, "since=-1", "")
	next()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := s.http.Shutdown(ctx); err != nil {
		t.Errorf("Shutdown = %v", err)
	}
	if id, _ := next(); id != "" {
		t.Errorf("event %s after the end", id)
	}
}

// A client that does not read delays no other.
func TestSlowReader(t *testing.T) {
	s := serve(t)
	conn, err := s.dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.Write([]byte("GET /v1/events?since=-1 HTTP/1.1\r\nHost: g\r\n\r\n"))
	s.do(t, submit("j1"))
	for range 1000 { // more than a socket's buffers hold
		s.do(t, progress("j1", strings.Repeat("words ", 80)))
	}
}

// Wait returns when the event that it waits for is appended, not before, or when
// its context ends.
func TestClientWaits(t *testing.T) {
	s := serve(t)
	s.do(t, submit("job_1"))
	size := s.Head().Size
	if err := s.client.Wait(t.Context(), size-1); err != nil {
		t.Errorf("for what is there: %v", err)
	}
	came := make(chan error, 1)
	go func() { came <- s.client.Wait(t.Context(), size) }()
	select {
	case err := <-came:
		t.Fatalf("it returned before anything came: %v", err)
	case <-time.After(100 * time.Millisecond):
	}
	s.do(t, progress("job_1", "step 1"))
	select {
	case err := <-came:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Error("an event came, and it still waits")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := s.client.Wait(ctx, size+1); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("out of time: %v", err)
	}
}
