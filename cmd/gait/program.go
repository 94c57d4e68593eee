package main

import (
	"errors"
	"fmt"
	"io"
	"os/exec"
)

// findProgram returns the path of the program that a command line names after --.
func findProgram(name string) (string, error) {
	path, err := exec.LookPath(name)
	if err != nil {
		return "", &usageError{code: "command_not_found", text: fmt.Sprintf("%s cannot be run: %v", name, errors.Unwrap(err)), hint: "check the path of the command after --"}
	}
	return path, nil
}

// stdoutOfChild is standard output, unless gait prints JSON there.
func (c *console) stdoutOfChild() io.Writer {
	if c.json {
		return c.stderr
	}
	if f, ok := fileOf(c.stdout); ok {
		return f
	}
	return c.stdout
}
