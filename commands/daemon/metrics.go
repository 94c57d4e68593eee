package daemon

import (
	"context"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"gait/commands"
	"gait/ledger"
)

// Metrics counts what a server does, for Prometheus.
type Metrics struct {
	registry *prometheus.Registry
	commands *prometheus.CounterVec
	took     *prometheus.HistogramVec
	batches  prometheus.Histogram
	commits  prometheus.Histogram
	queues   *queueMetrics
	notify   *notifyMetrics
	now      func() time.Time
}

// NewMetrics returns metrics that are all zero.
func NewMetrics(now func() time.Time) *Metrics {
	m := &Metrics{
		now: now, registry: prometheus.NewRegistry(), queues: newQueueMetrics(), notify: newNotifyMetrics(),
		commands: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "gait_commands_total", Help: "Commands answered, by verb and error code; the code is ok if there was no error."}, []string{"verb", "code"}),
		took:     prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "gait_command_seconds", Help: "How long commands took.", Buckets: prometheus.ExponentialBuckets(0.0001, 2, 18)}, []string{"verb"}),
		batches:  prometheus.NewHistogram(prometheus.HistogramOpts{Name: "gait_batch_events", Help: "How many events were written at once.", Buckets: prometheus.ExponentialBuckets(1, 2, 10)}),
		commits:  prometheus.NewHistogram(prometheus.HistogramOpts{Name: "gait_commit_seconds", Help: "How long it took until a batch was durable.", Buckets: prometheus.ExponentialBuckets(0.0001, 2, 18)}),
	}
	m.registry.MustRegister(m.commands, m.took, m.batches, m.commits, m.queues.retries, m.queues.losses, m.notify.attempts, m.notify.unkept, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// observe adds gauges of a server.
func (m *Metrics) observe(s *Server) {
	gauge := func(name, help string, value func() float64) {
		m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value))
	}
	gauge("gait_ledger_events", "How many events the ledger has.", func() float64 { return float64(s.Log.Head().Size) })
	gauge("gait_waiting", "How many requests wait for a batch.", func() float64 { return float64(s.Engine.Waiting()) })
	m.registry.MustRegister(queueCollector{s})
	gauge("gait_streams", "How many event streams are open.", func() float64 { return float64(s.streams.Load()) })
}

// command counts a command and what it led to. Verbs are few, since the request was decoded.
func (m *Metrics) command(verb, code string, took time.Duration, result commands.Result) {
	if m == nil {
		return
	}
	m.commands.WithLabelValues(verb, code).Inc()
	m.took.WithLabelValues(verb).Observe(took.Seconds())
	m.queues.count(result)
}

func (m *Metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

// Count returns log, for an engine, such that its batches are counted.
func (m *Metrics) Count(log commands.Log) commands.Log { return countedLog{Log: log, to: m} }

type countedLog struct {
	commands.Log
	to *Metrics
}

// Begin begins a batch and counts it.
func (l countedLog) Begin(ctx context.Context, at ledger.Head) (ledger.Batch, error) {
	b, err := l.Log.Begin(ctx, at)
	if err != nil {
		return nil, err
	}
	return &countedBatch{Batch: b, to: l.to}, nil
}

type countedBatch struct {
	ledger.Batch
	to     *Metrics
	events int
}

// Add adds an event.
func (b *countedBatch) Add(ctx context.Context, e ledger.Entry) error {
	b.events++
	return b.Batch.Add(ctx, e)
}

// Commit makes the batch durable.
func (b *countedBatch) Commit(ctx context.Context) (ledger.Receipt, error) {
	began := b.to.now()
	r, err := b.Batch.Commit(ctx)
	if err == nil {
		b.to.batches.Observe(float64(b.events))
		b.to.commits.Observe(b.to.now().Sub(began).Seconds())
	}
	return r, err
}
