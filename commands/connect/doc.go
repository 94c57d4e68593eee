// Package connect opens a ledger for a program: in this process, or through the
// daemon (gait serve) that has it open. Either way the program sees the same
// ledger, issues the same commands, and follows it in the same way.
//
//	o := connect.Options{Options: root.Options{
//		Dir: "gait-out/jobs", Home: "/home/me/.config/gait", Now: time.Now, Entropy: rand.Reader,
//		Mode: root.Once, Create: true, Actor: "worker_1",
//	}}
//	result, err := connect.Do(ctx, o, commands.Request{JobID: "job_1", Actor: "worker_1", Command: commands.Submit{…}})
//
// A program that runs one command now and then uses [Do]; one that reads several
// things at one state opens the ledger with [With] or [Open]. [Events], [Wait] and
// [WatchJob] follow a ledger as it grows; [Follow] is what they are made of. Without a
// daemon they look at the names, sizes and times of the ledger's files, and open it only if
// those have changed. A worker learns from [WaitCandidates] which job it could lease.
//
// # Here or through a daemon
//
// [Open] looks for a daemon's socket in the root. If one answers, its ledger is
// compared with the user's keys, trusted keys and newest checkpoint, exactly as
// if it were opened here; receipts are verified. If none does, the root is
// opened here, which waits for the root's lock; if a daemon starts meanwhile,
// Open connects to it. [Options.Daemon] can rule out either way.
//
// # A daemon elsewhere
//
// [Options.Remote] names a daemon by its URL, with a token that proves who asks, and no
// root: the ledger's key must then be one that the user trusts, and its newest checkpoint
// is compared with the one that the user's home has seen. Package token has what is sent.
// A root of the same user that the daemon serves is found by its lock; for any other the
// URL stands in [Ledger.Dir].
//
// # The socket
//
// The daemon listens at gait.sock in the root. If that path is longer than 103 bytes,
// gait.sock is a symbolic link to the socket, whose name is made from the SHA-256 of the
// root's path, in the runtime directory or, if that cannot be used, in /tmp/gait-UID.
// So clients find it whatever their own runtime directory is. The socket has mode 0600.
// Both ends ask the kernel whose process is at the other end, and close the connection
// unless it is the user's. A client follows no link of another user, and goes through no
// daemon that does not hold the lock of this very root. If the socket is removed, the
// daemon makes it again within a second or so.
package connect
