package main

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// powerCalls are the calls that change a file system or make it durable, and those that
// say where the next write goes.
const powerCalls = "openat,close,read,write,pwrite64,writev,lseek,ftruncate,fallocate,copy_file_range,sendfile,dup3,fsync,fdatasync," +
	"rename,renameat,renameat2,link,linkat,symlinkat,unlink,unlinkat,rmdir,mkdir,mkdirat"

// A diskCall is one line of strace: a call that has returned.
type diskCall struct {
	name string
	args []string // strings without their quotes
	ret  string
}

var (
	tracedLine = regexp.MustCompile(`^(\d+) +(?:<\.\.\. )?(\w+)(?: resumed>|\()(.*)$`)
	tracedEnd  = regexp.MustCompile(`^(.*?)\)? += (-?\d+)`)
	hexByte    = regexp.MustCompile(`\\x([0-9a-f]{2})`)
)

const unfinished = " <unfinished ...>"

// readTrace returns the calls of a trace in the order in which they returned.
func readTrace(text string) (calls []diskCall, err error) {
	begun := map[string]string{} // by thread
	for line := range strings.Lines(text) {
		m := tracedLine.FindStringSubmatch(strings.TrimSuffix(line, "\n"))
		if m == nil { // a signal, or an exit
			continue
		}
		thread, name, rest := m[1], m[2], begun[m[1]]+m[3]
		delete(begun, thread)
		if args, more := strings.CutSuffix(rest, unfinished); more {
			begun[thread] = args
			continue
		}
		end := tracedEnd.FindStringSubmatch(rest)
		if end == nil {
			if strings.HasSuffix(rest, "= ?") { // the process has ended
				continue
			}
			return nil, fmt.Errorf("strace says %.200q", line)
		}
		calls = append(calls, diskCall{name, splitArgs(end[1]), end[2]})
	}
	return calls, nil
}

// splitArgs splits the arguments of a call. In the strings of strace -xx each byte is
// \xNN, so they have no comma.
func splitArgs(text string) []string {
	args := strings.Split(text, ", ")
	for i, arg := range args {
		args[i] = strings.Trim(arg, `"`)
	}
	return args
}

// unhex returns the bytes of a string of strace -xx.
func unhex(text string) string {
	return hexByte.ReplaceAllStringFunc(text, func(s string) string {
		b, _ := strconv.ParseUint(s[2:], 16, 8)
		return string([]byte{byte(b)})
	})
}

// A diskReplay does on a modelDisk what a process did on a real one.
type diskReplay struct {
	*modelDisk
	dir   string
	files map[string]*openFile // by descriptor
}

type openFile struct {
	node *modelNode
	at   int64
	ends bool // O_APPEND
}

// inside returns the path below the directory that an argument names, or false.
func (r *diskReplay) inside(path string) (string, bool) {
	if path == r.dir {
		return ".", true
	}
	return strings.CutPrefix(path, r.dir+"/")
}

// at returns the path of a name in the directory of a descriptor, such as AT_FDCWD<…>.
func at(dir, name string) string {
	_, dir, _ = strings.Cut(unhex(dir), "<")
	if name = unhex(name); filepath.IsAbs(name) {
		return filepath.Clean(name)
	}
	return filepath.Join(strings.TrimSuffix(dir, ">"), name)
}

// do does a call, and reports whether it changed what a power cut leaves.
func (r *diskReplay) do(c diskCall) (changed bool, err error) {
	if strings.HasPrefix(c.ret, "-") {
		return false, nil
	}
	switch c.name {
	case "openat":
		return r.open(c)
	case "mkdirat":
		return r.change("", at(c.args[0], c.args[1]), &modelNode{names: map[string]*modelNode{}}), nil
	case "symlinkat":
		return r.change("", at(c.args[1], c.args[2]), &modelNode{link: unhex(c.args[0])}), nil
	case "unlinkat":
		return r.change(at(c.args[0], c.args[1]), "", nil), nil
	case "renameat", "renameat2":
		from, to := at(c.args[0], c.args[1]), at(c.args[2], c.args[3])
		path, _ := r.inside(from)
		return r.change(from, to, r.find(path)), nil
	}
	number, _, _ := strings.Cut(c.args[0], "<")
	f := r.files[number]
	if f == nil {
		return false, r.known(c)
	}
	return r.doOpen(c, number, f)
}

// known fails if a call that is not followed concerns the directory.
func (r *diskReplay) known(c diskCall) error {
	for _, arg := range c.args {
		if _, ours := r.inside(unhex(arg)); ours && !strings.Contains("read close lseek", c.name) {
			return fmt.Errorf("%s of %s is not followed", c.name, unhex(arg))
		}
	}
	return nil
}

// change changes names, if they are below the directory.
func (r *diskReplay) change(from, to string, node *modelNode) bool {
	from, ours := r.inside(from)
	to, toOurs := r.inside(to)
	if !ours {
		from = ""
	}
	if !toOurs {
		to = ""
	}
	if from == "" && to == "" {
		return false
	}
	r.rename(from, to, node)
	return true
}

func (r *diskReplay) open(c diskCall) (changed bool, err error) {
	path, ours := r.inside(at(c.args[0], c.args[1]))
	if !ours {
		delete(r.files, c.ret)
		return false, nil
	}
	f := &openFile{node: r.find(path), ends: strings.Contains(c.args[2], "O_APPEND")}
	if f.node == nil && strings.Contains(c.args[2], "O_CREAT") {
		f.node, changed = &modelNode{}, true
		r.rename("", path, f.node)
	}
	if f.node == nil {
		return false, fmt.Errorf("the model has no %s", path)
	}
	if strings.Contains(c.args[2], "O_TRUNC") && len(f.node.data) > 0 {
		f.node.data, changed = nil, true
	}
	r.files[c.ret] = f
	return changed, nil
}

// doOpen does a call on an open file.
func (r *diskReplay) doOpen(c diskCall, number string, f *openFile) (changed bool, err error) {
	n, _ := strconv.ParseInt(c.ret, 10, 64)
	last, _ := strconv.ParseInt(c.args[len(c.args)-1], 10, 64)
	switch c.name {
	case "close":
		delete(r.files, number)
		return false, nil
	case "read":
		f.at += n
		return false, nil
	case "lseek":
		f.at = n
		return false, nil
	case "write":
		if f.ends {
			f.at = int64(len(f.node.data))
		}
		f.node.writeAt([]byte(unhex(c.args[1]))[:n], f.at)
		f.at += n
	case "pwrite64":
		f.node.writeAt([]byte(unhex(c.args[1]))[:n], last)
	case "ftruncate":
		f.node.truncate(last)
	case "fsync", "fdatasync":
		r.sync(f.node)
	case "fallocate":
		if !strings.Contains(c.args[1], "KEEP_SIZE") {
			return false, fmt.Errorf("fallocate %v", c.args)
		}
		return false, nil
	default:
		return false, fmt.Errorf("%s of %v is not followed", c.name, c.args)
	}
	r.counts[c.name]++
	return true, nil
}
