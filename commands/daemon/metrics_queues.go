package daemon

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"gait/commands"
	"gait/ledger"
	"gait/projection"
)

// maxMetricQueues is how many labels metrics are kept of.
const maxMetricQueues = 64

// queueMetrics are about the jobs that have a label for which candidates were asked, each
// label a queue.
type queueMetrics struct {
	retries, losses *prometheus.CounterVec

	mu     sync.Mutex
	labels []ledger.Label // in the order in which they were asked for
}

var (
	jobsClaimed = prometheus.NewDesc("gait_jobs_claimed", "How many running jobs of a queue have a lease that no event has ended.", []string{"queue"}, nil)
	jobsWaiting = prometheus.NewDesc("gait_jobs_waiting", "How many running jobs of a queue could be leased.", []string{"queue"}, nil)
	jobsOldest  = prometheus.NewDesc("gait_job_oldest_waiting_seconds", "How old the oldest of the jobs is that gait_jobs_waiting counts.", []string{"queue"}, nil)
)

func newQueueMetrics() *queueMetrics {
	counter := func(name, help string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, []string{"queue"})
	}
	return &queueMetrics{
		retries: counter("gait_attempt_retries_total", "How many attempts at jobs of a queue have ended that were not the first."),
		losses:  counter("gait_lease_losses_total", "How many attempts at jobs of a queue have ended because their lease was lost, or without a word."),
	}
}

func nameOf(l ledger.Label) string { return l.Key + "=" + l.Value }

// add keeps metrics of labels from now on, unless there are too many.
func (m *queueMetrics) add(labels []ledger.Label) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, l := range labels {
		if len(m.labels) < maxMetricQueues && !slices.Contains(m.labels, l) {
			m.labels = append(m.labels, l)
			m.retries.WithLabelValues(nameOf(l))
			m.losses.WithLabelValues(nameOf(l))
		}
	}
}

// all returns the labels that metrics are kept of.
func (m *queueMetrics) all() []ledger.Label {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.labels)
}

// count counts what a command has led to.
func (m *queueMetrics) count(result commands.Result) {
	if result.Receipt.TreeSize == 0 || result.Replayed { // nothing was written now
		return
	}
	p, ended := result.Event.Payload().(ledger.AttemptEnded)
	if !ended {
		return
	}
	for _, l := range m.all() {
		if !slices.Contains(result.Job.Labels, l) {
			continue
		}
		if p.Number > 1 {
			m.retries.WithLabelValues(nameOf(l)).Inc()
		}
		if p.Cause == ledger.AttemptLost || p.Cause == ledger.AttemptLeaseLost {
			m.losses.WithLabelValues(nameOf(l)).Inc()
		}
	}
}

// A queueCollector counts the jobs of the queues of a server when it is asked.
type queueCollector struct{ server *Server }

// Describe sends what Collect may send.
func (c queueCollector) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{jobsClaimed, jobsWaiting, jobsOldest} {
		to <- d
	}
}

// Collect sends the gauges of each queue. If they cannot be read, there are none.
func (c queueCollector) Collect(to chan<- prometheus.Metric) {
	labels := c.server.Metrics.queues.all()
	if len(labels) == 0 {
		return
	}
	counts, ok, err := projection.CountClaims(context.Background(), c.server.Log, labels)
	if err != nil {
		logFault(c.server, "/metrics", err)
	}
	if !ok {
		return
	}
	now := c.server.Now()
	for i, l := range labels {
		gauge := func(d *prometheus.Desc, value float64) {
			to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, nameOf(l))
		}
		gauge(jobsClaimed, float64(counts[i].Claimed))
		gauge(jobsWaiting, float64(counts[i].Waiting))
		age := time.Duration(0)
		if counts[i].Waiting > 0 {
			age = max(0, now.Sub(time.UnixMilli(counts[i].Oldest)))
		}
		gauge(jobsOldest, age.Seconds())
	}
}
