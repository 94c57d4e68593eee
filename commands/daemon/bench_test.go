package daemon_test

import (
	"fmt"
	"sync"
	"testing"

	"gait/commands/daemon"
)

// BenchmarkSocket measures the cost of the interface alone: the log is in memory.
func BenchmarkSocket(b *testing.B) {
	for _, connections := range []int{1, 64} {
		b.Run(fmt.Sprint(connections), func(b *testing.B) {
			s := serve(b)
			clients := make([]*daemon.Client, connections)
			for n := range clients {
				clients[n] = s.newClient(b)
				clients[n].NoJobs = true
				if _, err := clients[n].Do(b.Context(), submit(fmt.Sprint("job_", n))); err != nil {
					b.Fatal(err)
				}
			}
			b.ResetTimer()
			var wg sync.WaitGroup
			for n, c := range clients {
				wg.Go(func() {
					for range b.N/connections + 1 {
						if _, err := c.Do(b.Context(), progress(fmt.Sprint("job_", n), "a step was done")); err != nil {
							b.Error(err)
						}
					}
				})
			}
			wg.Wait()
		})
	}
}
