package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"syscall"
)

// frozenMain runs a command to which directories are on a read-only file system:
// frozen DIR… -- COMMAND…
func frozenMain() {
	inOwnMounts(func(dir string) error {
		if err := syscall.Mount(dir, dir, "", syscall.MS_BIND, ""); err != nil {
			return err
		}
		return syscall.Mount("", dir, "", syscall.MS_REMOUNT|syscall.MS_BIND|syscall.MS_RDONLY, "")
	})
}

// filledMain runs a command to which directories are on a full disk: filled DIR… --
// COMMAND…
func filledMain() {
	inOwnMounts(func(dir string) error {
		kept := dir + "-kept"
		if err := exec.Command("cp", "-a", dir, kept).Run(); err != nil {
			return err
		}
		if err := syscall.Mount("none", dir, "tmpfs", 0, "size=1m,mode=700"); err != nil {
			return err
		}
		if err := exec.Command("cp", "-a", kept+"/.", dir).Run(); err != nil {
			return err
		}
		_ = os.WriteFile(filepath.Join(dir, "fill"), make([]byte, 2<<20), 0o600) // as much as there is room
		return os.RemoveAll(kept)
	})
}

// inOwnMounts runs a command in a mount namespace of its own, after mount was called
// with each directory.
func inOwnMounts(mount func(dir string) error) {
	at := slices.Index(os.Args, "--")
	if at < 2 || at+1 >= len(os.Args) {
		end("usage: " + filepath.Base(os.Args[0]) + " DIR… -- COMMAND…")
	}
	runtime.LockOSThread() // the namespace is that of the thread
	err := syscall.Unshare(syscall.CLONE_NEWNS)
	if err == nil {
		err = syscall.Mount("none", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, "")
	}
	for _, dir := range os.Args[1:at] {
		if err == nil {
			dir, err = filepath.Abs(dir)
		}
		if err == nil {
			err = mount(dir)
		}
	}
	here, wdErr := os.Getwd()
	if err == nil && wdErr == nil {
		err = os.Chdir(here) // the working directory was not in the mount
	}
	path, lookErr := exec.LookPath(os.Args[at+1])
	if err == nil {
		err = lookErr
	}
	if err == nil {
		err = syscall.Exec(path, os.Args[at+1:], os.Environ())
	}
	end(err)
}

// mayMount reports whether a process of this one's may mount.
var mayMount = sync.OnceValue(func() bool {
	cmd := exec.Command("frozen", os.TempDir(), "--", "true")
	return cmd.Run() == nil
})
