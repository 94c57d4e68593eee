package main

import (
	"cmp"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"gait/commands"
	"gait/ledger"
	"gait/ledger/sshkey"
)

// A firstAdmin says whose command to enroll, as a new ledger's first admin, is written for
// that admin to sign.
type firstAdmin struct {
	file, name, out string
	keys            []sshkey.Key
}

// firstAdminFor is how long the command can be submitted.
const firstAdminFor = 24 * time.Hour

func (f *firstAdmin) add(cmd *cobra.Command) {
	fl := cmd.Flags()
	fl.StringVar(&f.file, "admin", "", "file with the public key of the ledger's first admin")
	fl.StringVar(&f.name, "admin-name", "", "with --admin: the admin's name (default GAIT_ACTOR or your login name)")
	fl.StringVar(&f.out, "print-command", "", "with --admin: file for the command that enrolls the admin (default gait-admin.json); "+outForms)
}

// check reads the key before the ledger is created.
func (f *firstAdmin) check(a *app) (err error) {
	if f.file == "" {
		if f.name != "" || f.out != "" {
			return &usageError{code: "invalid_usage", text: "--admin-name and --print-command are about --admin, which is missing", hint: "add --admin FILE.pub"}
		}
		return nil
	}
	text, err := a.readFile(f.file, sshkey.MaxKeyFile)
	if err != nil {
		return err
	}
	if f.keys, err = sshkey.ParseKeys(text); err != nil {
		return fmt.Errorf("%s: %w", f.file, err)
	}
	_, err = f.text(a, "gait.local/check")
	return err
}

func (f *firstAdmin) text(a *app, origin string) ([]byte, error) {
	now := a.now()
	id, err := ledger.NewULID(now, a.entropy)
	if err != nil {
		return nil, err
	}
	name := cmp.Or(f.name, a.actor(""))
	c := commands.AddActor{Actor: name, Bootstrap: ledger.BootstrapInit, Roles: []ledger.Role{ledger.RoleAdmin}}
	for _, key := range f.keys {
		c.Keys = append(c.Keys, key.String())
	}
	return commands.SignText(commands.Request{Actor: name, RequestID: id, Command: c}, origin, now, firstAdminFor)
}

// command writes the command, if there is an admin, and adds it to the fields. It returns
// what to do next.
func (f *firstAdmin) command(a *app, origin string, fields object) (next string, err error) {
	if f.file == "" {
		return "gait job submit --id job_1", nil
	}
	text, err := f.text(a, origin)
	if err != nil {
		return "", err
	}
	path := cmp.Or(f.out, "gait-admin.json")
	out, err := a.outFile("--print-command", path)
	if err != nil {
		return "", err
	}
	if err := out.write(text); err != nil {
		return "", fmt.Errorf("writing %s: %w", path, err)
	}
	fields["command_path"], fields["command"] = path, string(text)
	return "ssh-keygen -Y sign -n " + sshkey.Namespace + " -f KEY " + quoted(path) + "; then: gait actor add --command " + quoted(path) + " --signature " + quoted(path+".sig"), nil
}
