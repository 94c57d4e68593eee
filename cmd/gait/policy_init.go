package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"gait/commands/gate"
	"gait/ledger"
)

func policyInitCommand(a *app) *cobra.Command {
	var name, out string
	cmd := exits(&cobra.Command{
		Use:   "init",
		Short: "Write a policy to begin with, and its test cases",
		Long: `Write a policy to begin with, and a directory with test cases of it, which pass: policy.cedar
and policy_test/cases.json. The profiles are coding (an agent that writes code and asks
before it pushes), payments (one that refunds, with approvals by amount) and readonly (one
that only looks). Nothing is overwritten.`,
		Example: "gait policy init\ngait policy init --profile payments --out pay.cedar\ngait policy test pay_test",
		Args:    noArgs,
	}, 0, 1, 6, 8)
	cmd.Flags().StringVar(&name, "profile", "coding", "what it is for: "+ledger.OneOf(gate.ProfileNames))
	cmd.Flags().StringVar(&out, "out", "policy.cedar", "file to write the policy to; the cases go beside it")
	cmd.RunE = func(*cobra.Command, []string) error {
		profile, ok := gate.ProfileNamed(name)
		if !ok {
			return &usageError{code: "invalid_profile", text: fmt.Sprintf("there is no profile %.80q, only: %s", name, strings.Join(gate.ProfileNames, ", ")), hint: "--profile coding"}
		}
		dir := casesOf(out)
		cases, err := writeProfile(a, profile, out, dir)
		if err != nil {
			return err
		}
		return a.print(object{"path": out, "profile": profile.Name, "cases": cases}, func(s *screen) {
			s.done("wrote %s, and its test cases to %s", s.bold(out), cases)
			s.next("gait policy test " + quoted(dir))
		})
	}
	return cmd
}

// writeProfile writes a policy and its cases, and returns the file with the cases.
func writeProfile(a *app, profile gate.Profile, out, dir string) (string, error) {
	file, err := a.outPath("--out", out)
	if err != nil {
		return "", err
	}
	cases := outPath{dir}.in("cases.json")
	for _, path := range []string{file.path, dir} {
		if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
			return "", &unsafeError{code: "would_overwrite", text: path + " is there already", hint: "name another file: --out FILE"}
		}
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return "", err
	}
	text := strings.Replace(string(profile.Cases), "{\n", fmt.Sprintf("{\n  \"policy\": %q,\n", "../"+filepath.Base(out)), 1)
	for _, f := range []struct {
		path string
		text []byte
	}{{cases.path, []byte(text)}, {file.path, profile.Policy}} {
		to, err := a.outFile("--out", f.path)
		if err == nil {
			err = to.write(f.text)
		}
		if err != nil {
			return "", fmt.Errorf("writing %s: %w", f.path, err)
		}
	}
	return cases.path, nil
}
