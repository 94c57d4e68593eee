package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"gait/commands/connect"
	"gait/ledger"
	"gait/ledger/home"
	"gait/packspec/backup"
)

func keysExportCommand(a *app) *cobra.Command {
	var out string
	var passphrase passphraseFlag
	cmd := exits(&cobra.Command{
		Use:   "export [ORIGIN]",
		Short: "Write a private key to a file, sealed by a passphrase",
		Long: `Write the private key of the ledger here, or of the origin named, to a file, sealed by
a passphrase in the form of an OpenSSH private key. A line with its public half follows,
so that gait keys import knows which ledger it signs. Without --passphrase-file the
passphrase is asked for on the terminal. Keep file and passphrase apart.

To have the key in two places is not to have the ledger in two places: only one of
them may write it. gait ledger backup --with-key puts the key into a backup.`,
		Example: "gait keys export --out payments.key.pem\ngait keys export example.com/payments --out payments.key.pem --passphrase-file secret.txt",
	}, 0, 1, 2, 6, 7, 8)
	cmd.Flags().StringVar(&out, "out", "", "file to write (required), which is not overwritten; "+outForms)
	passphrase.add(a, cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if out == "" {
			return &usageError{code: "invalid_usage", text: "to which file? --out is missing", hint: "add --out FILE"}
		}
		at, err := a.newSecret(out)
		if err != nil {
			return err
		}
		file, err := privateKeyOf(cmd.Context(), a, args)
		if err != nil {
			return err
		}
		sealed, err := sealKey(cmd.Context(), file, passphrase)
		if err != nil {
			return err
		}
		if err := writePrivate(at, sealed); err != nil {
			return fmt.Errorf("writing %s: %w", out, err)
		}
		return a.print(object{"path": out, "origin": file.Origin, "public_key": file.Key.String(), "key_id": file.Key.ID(), "retired": file.Retired}, func(s *screen) {
			s.done("sealed the private key of %s", s.bold(file.Origin))
			s.fields([2]string{"file", out}, [2]string{"public key", file.Key.String()})
			s.next("gait keys import " + quoted(out) + ", on another machine")
		})
	}
	return cmd
}

// newSecret returns the file for a secret that --out names, which must not be there.
func (c *console) newSecret(out string) (outFile, error) {
	at, err := c.outFile("--out", out)
	if err != nil {
		return at, err
	}
	if err := at.inDirectory(); err != nil {
		return at, err
	}
	if at.exists {
		return at, &unsafeError{code: "would_overwrite", text: out + " is there already", hint: "choose another file with --out"}
	}
	return at, nil
}

// writePrivate writes a file that other users cannot read.
func writePrivate(at outFile, content []byte) error {
	file, err := at.begin()
	if err != nil {
		return err
	}
	defer file.remove()
	if _, err := file.WriteAt(content, 0); err != nil {
		return err
	}
	return file.keep()
}

// privateKeyOf returns the file of the private key of the origin named, or else of this
// ledger.
func privateKeyOf(ctx context.Context, a *app, args []string) (home.KeyFile, error) {
	homeDir, err := a.home()
	if err != nil {
		return home.KeyFile{}, err
	}
	if len(args) > 1 {
		return home.KeyFile{}, &usageError{code: "invalid_usage", text: "one origin is enough", hint: "gait keys list"}
	}
	origin := ""
	if len(args) == 1 {
		origin = args[0]
	} else if err := a.read(ctx, func(r *connect.Ledger) error {
		origin = r.Log.Origin()
		return nil
	}); err != nil {
		return home.KeyFile{}, err
	}
	if err := ledger.FieldOrigin.Check(origin); err != nil {
		return home.KeyFile{}, err
	}
	all, err := home.Keys(homeDir)
	if err != nil {
		return home.KeyFile{}, err
	}
	for _, k := range all { // those in use come first
		if k.Origin == origin {
			return k, nil
		}
	}
	return home.KeyFile{}, &home.KeyMissingError{Origin: origin, Path: home.KeyPath(homeDir, origin, false), Asked: len(args) == 1}
}

// sealKey reads a private key and seals it by a passphrase.
func sealKey(ctx context.Context, file home.KeyFile, passphrase passphraseFlag) ([]byte, error) {
	secret, err := passphrase.chosen(ctx, "the key of "+file.Origin)
	if err != nil {
		return nil, err
	}
	k, err := file.Private()
	if err != nil {
		return nil, err
	}
	return home.SealKey(k, secret)
}

func keysImportCommand(a *app) *cobra.Command {
	var origin string
	var passphrase passphraseFlag
	cmd := exits(&cobra.Command{
		Use:   "import FILE",
		Short: "Take over a private key that gait keys export wrote",
		Long: `Take over a private key that gait keys export wrote, or that a backup holds: from then on
this user can sign for its ledger. Its public half is trusted, unless you distrust it or
trust another key of that ledger. It takes the place of a key from which the ledger was
rotated, if gait ledger verify or a pack has shown that here. Without --passphrase-file
the passphrase is asked for on the terminal.

Two places that write one ledger write two histories: let only one of them go on.`,
		Example: "gait keys import payments.key.pem\ngait keys import payments.key.pem --passphrase-file secret.txt --json",
		Args:    oneFile,
	}, 0, 1, 2, 6, 7, 8)
	cmd.Flags().StringVar(&origin, "origin", "", "the ledger that the key signs, if the file does not say it: ssh-keygen -p leaves that line out")
	passphrase.add(a, cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		homeDir, err := a.home()
		if err != nil {
			return err
		}
		b, err := sealedKeyIn(a, args[0])
		if err != nil {
			return err
		}
		k, err := unsealKey(cmd.Context(), args[0], b, origin, passphrase)
		if err != nil {
			return err
		}
		did, err := home.ImportKey(homeDir, k)
		if err != nil {
			return err
		}
		return showImported(a, k, did)
	}
	return cmd
}

// sealedKeyIn reads the sealed key in a file, which may be a backup of a ledger.
func sealedKeyIn(a *app, name string) ([]byte, error) {
	in, err := a.openInput(name, maxPipeWait)
	if err != nil {
		return nil, err
	}
	zip, err := in.isZip()
	if err != nil || !zip {
		defer in.close()
		if err != nil {
			return nil, err
		}
		return in.all(home.MaxSealedKey)
	}
	file, size, err := seekablePack(a, in)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	from, err := backup.Open(file, size)
	if err == nil && from.SealedKey == nil {
		err = &usageError{code: "key_not_in_backup", text: name + " is a backup without the private key", hint: "name the file that gait keys export wrote, or another backup"}
	}
	if err != nil {
		return nil, err
	}
	return from.SealedKey, nil
}

// unsealKey opens the sealed key in the file called name. origin is what the user says of
// it, and may be "".
func unsealKey(ctx context.Context, name string, b []byte, origin string, passphrase passphraseFlag) (ledger.PrivateKey, error) {
	sealed, err := home.ParseSealedKey(b)
	if err != nil {
		return ledger.PrivateKey{}, fmt.Errorf("reading %s: %w", name, err)
	}
	switch named := sealed.Key.Name(); {
	case named == "" && origin == "":
		return ledger.PrivateKey{}, &usageError{code: "invalid_usage", text: name + " does not say which ledger its key signs", hint: "add --origin ORIGIN"}
	case named != "" && origin != "" && named != origin:
		return ledger.PrivateKey{}, &usageError{code: "other_ledger", text: fmt.Sprintf("%s holds the key of %s, not of %s", name, named, origin), hint: "leave --origin out"}
	case origin == "":
		origin = named
	}
	if err := ledger.FieldOrigin.Check(origin); err != nil {
		return ledger.PrivateKey{}, err
	}
	secret, err := passphrase.given(ctx, name)
	if err != nil {
		return ledger.PrivateKey{}, err
	}
	k, err := sealed.Open(origin, secret)
	if err != nil {
		return ledger.PrivateKey{}, fmt.Errorf("opening %s: %w", name, err)
	}
	return k, nil
}

func showImported(a *app, k ledger.PrivateKey, did home.KeyImport) error {
	key := k.VerifierKey()
	fields := object{
		"origin": k.Name(), "public_key": key.String(), "key_id": key.ID(), "path": did.Path,
		"added": did.Added, "retired": did.Retired, "trusted": did.Trusted,
	}
	return a.print(fields, func(s *screen) {
		if !did.Added {
			fmt.Fprintf(s, "the private key of %s was here already\n", s.bold(k.Name()))
		} else {
			s.done("keeping the private key of %s", s.bold(k.Name()))
		}
		trusted := "yes"
		if !did.Trusted {
			trusted = "no: you distrust it, or trust another key of that ledger"
		}
		s.fields([2]string{"file", did.Path}, [2]string{"public key", key.String()}, [2]string{"trusted", trusted})
		switch {
		case did.Retired:
			s.next("gait pack build --root DIR/ledger.retired-NAME-TIME --from JOB: that ledger was retired, and only packs of it are signed")
		default:
			s.next("gait ledger rebuild, if the ledger was here before its key was")
		}
	})
}

func keysRemoveCommand(a *app) *cobra.Command {
	var force bool
	cmd := exits(&cobra.Command{
		Use:   "remove ORIGIN",
		Short: "Remove a private key from this machine",
		Long: `Remove the private key of a ledger from this machine. What it signed still verifies, and
the ledger can be read, but not written here again unless the key comes back: gait keys
export first keeps it elsewhere. A key that is in use is removed only with --force; that
of a ledger that was retired signs nothing but packs.`,
		Example: "gait keys export example.com/payments --out payments.key.pem && gait keys remove example.com/payments --force",
	}, 0, 1, 2, 6, 7, 8)
	cmd.Flags().BoolVar(&force, "force", false, "remove it although its ledger can then not be written here")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) != 1 {
			return &usageError{code: "invalid_usage", text: "remove the private key of which origin?", hint: "gait keys list shows the origins"}
		}
		file, err := privateKeyOf(cmd.Context(), a, args)
		if err != nil {
			return err
		}
		if !file.Retired && !force {
			return &unsafeError{code: "key_in_use", text: fmt.Sprintf("%s is what signs %s: without it that ledger is never written again", file.Path, file.Origin), hint: "gait keys export " + file.Origin + " --out FILE, then gait keys remove " + file.Origin + " --force"}
		}
		homeDir, err := a.home()
		if err != nil {
			return err
		}
		if err := home.RemoveKey(homeDir, file); err != nil {
			return err
		}
		gone := object{"origin": file.Origin, "public_key": file.Key.String(), "key_id": file.Key.ID()}
		return a.print(object{"path": file.Path, "removed": []object{gone}}, func(s *screen) {
			s.done("removed the private key of %s", s.bold(file.Origin))
			s.fields([2]string{"file", file.Path}, [2]string{"public key", file.Key.String()})
		})
	}
	return cmd
}
