package daemon

import "github.com/prometheus/client_golang/prometheus"

// notifyMetrics are about the targets that a daemon tells of decisions and stops.
type notifyMetrics struct {
	attempts *prometheus.CounterVec
	unkept   *prometheus.GaugeVec
}

func newNotifyMetrics() *notifyMetrics {
	labels := []string{"target", "cursor"}
	return &notifyMetrics{
		attempts: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "gait_notifications_total", Help: "Attempts to notify a target, by what became of them: taken, not_taken (and tried again) or set_aside (refused for good)."}, append(labels, "result")),
		unkept:   prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "gait_notify_cursor_unkept", Help: "1 while it cannot be kept how far a target was notified, else 0."}, labels),
	}
}

// Notify returns what counts the results of the attempts to notify a target: those of package
// notify. The target has a name, which holds no secret, and the name of its cursor.
func (m *Metrics) Notify(target, cursor string) func(result string) {
	for _, r := range []string{"taken", "not_taken", "set_aside"} {
		m.notify.attempts.WithLabelValues(target, cursor, r)
	}
	unkept := m.notify.unkept.WithLabelValues(target, cursor)
	return func(result string) {
		switch result {
		case "not_kept":
			unkept.Set(1)
		case "kept":
			unkept.Set(0)
		default:
			m.notify.attempts.WithLabelValues(target, cursor, result).Inc()
		}
	}
}
