// Package worker is the loop of a supervisor: it takes a job's lease, runs the attempts of a
// command under it, and says on the ledger how each of them ended. It knows no ledger, no
// process and no file: [Job], [Launcher] and [Child] are its only way out, so that weeks of a
// job's life are tested in milliseconds.
//
//	r := &worker.Runner{Job: job, Launcher: launcher, Options: worker.Options{
//		TTL: time.Minute, Grace: 10 * time.Second, Retries: 3, Now: time.Now, Rand: rand.Float64,
//	}}
//	outcome, err := r.Run(ctx)
package worker
