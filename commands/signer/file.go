package signer

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"

	"golang.org/x/crypto/ssh"

	"gait/ledger"
	"gait/ledger/sshkey"
)

const (
	// maxPrivateKey bounds a private key file.
	maxPrivateKey = 64 << 10

	// passphraseTries is how often a passphrase is asked for.
	passphraseTries = 3

	publicSuffix = ".pub"
)

// FromFile returns a Signer for a private key file: one that ssh-keygen writes, or a PEM file
// of PKCS #8 or SEC 1. If a passphrase protects it, o.Passphrase is asked, three times at
// most. A file that other users can read is refused, as ssh refuses it: ErrExposed.
//
// For a public key the private key beside it is used or, if there is none, the one in ssh-agent.
func FromFile(ctx context.Context, path string, o Options) (Signer, error) {
	b, err := readKeyFile(path)
	if err != nil {
		return nil, err
	}
	if keys, err := sshkey.ParseKeys(b); err == nil {
		return fromPublic(ctx, path, keys, o)
	} else if !errors.Is(err, sshkey.ErrPrivate) {
		return nil, fmt.Errorf("%s is neither a private key nor a public one: %w", path, err)
	}
	s, err := o.open(path, b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return s, nil
}

// fromPublic returns a Signer for the private half of the key in a public key file.
func fromPublic(ctx context.Context, path string, keys []sshkey.Key, o Options) (Signer, error) {
	if len(keys) > 1 {
		return nil, fmt.Errorf("%s: %w", path, ledger.ErrManyKeys)
	}
	private, named := strings.CutSuffix(path, publicSuffix)
	var missing error
	if named {
		s, err := beside(ctx, private, keys[0], o)
		if err == nil || !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, ErrOnToken) {
			return s, err
		}
		missing = err
	}
	s, err := fromAgent(ctx, o, func(k sshkey.Key) bool { return k == keys[0] })
	if err != nil && missing != nil {
		return nil, fmt.Errorf("%w; and %w", err, missing)
	}
	return s, err
}

// beside returns a Signer for the private key file of a public key.
func beside(ctx context.Context, private string, public sshkey.Key, o Options) (Signer, error) {
	b, err := readKeyFile(private)
	if err != nil {
		return nil, err
	}
	if typ, blob := publicHalf(b); typ != "" {
		if half, err := sshkey.ParseBlob(typ, blob); err == nil && half != public {
			return nil, otherHalf(private, half, public) // no passphrase is needed to see that
		}
	}
	s, err := FromFile(ctx, private, o)
	if err == nil && s.Key() != public {
		return nil, otherHalf(private, s.Key(), public)
	}
	return s, err
}

func otherHalf(private string, has, want sshkey.Key) error {
	return fmt.Errorf("%w: %s has the private half of %s, and %s%s is %s", ledger.ErrMalformed, private, has.Fingerprint(), private, publicSuffix, want.Fingerprint())
}

// readKeyFile returns a file that holds a key. It refuses a private key that is exposed.
func readKeyFile(path string) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0) // a pipe without a writer must not block
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %w", ErrNoKey, err)
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	about, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !about.Mode().IsRegular() {
		return nil, fmt.Errorf("%w: %s is not a regular file", ledger.ErrMalformed, path)
	}
	b, err := io.ReadAll(io.LimitReader(f, maxPrivateKey+1))
	if err != nil {
		return nil, err
	}
	if len(b) > maxPrivateKey {
		return nil, fmt.Errorf("%w: %s has more than %d bytes", ledger.ErrMalformed, path, maxPrivateKey)
	}
	if _, err := sshkey.ParseKeys(b); errors.Is(err, sshkey.ErrPrivate) && exposed(about) {
		return nil, fmt.Errorf("%w: %s has mode %04o; chmod 600 keeps it", ErrExposed, path, about.Mode().Perm())
	}
	return b, nil
}

// exposed reports whether the user's own file gives other users access. As in ssh, the mode
// of a file that belongs to another user does not matter.
func exposed(about fs.FileInfo) bool {
	stat, ok := about.Sys().(*syscall.Stat_t)
	return about.Mode().Perm()&0o077 != 0 && (!ok || int(stat.Uid) == os.Getuid())
}

// open returns a Signer for the bytes of a private key file.
func (o Options) open(path string, b []byte) (Signer, error) {
	b = bytes.TrimSpace(ledger.PlainText(b))
	if typ, blob := publicHalf(b); typ != "" {
		if key, err := sshkey.ParseBlob(typ, blob); err != nil {
			return nil, err
		} else if key.OnToken() {
			return nil, fmt.Errorf("%w: add it there, and name it agent:%s", ErrOnToken, key.Fingerprint())
		}
	}
	private, err := ssh.ParseRawPrivateKey(b)
	if _, sealed := errors.AsType[*ssh.PassphraseMissingError](err); sealed {
		private, err = o.unseal(path, b)
	} else if err != nil {
		err = fmt.Errorf("%w: not a private key that can be read: %w", ledger.ErrMalformed, err)
	}
	if err != nil {
		return nil, err
	}
	return newLocal(private)
}

// unseal asks for the passphrase of a private key, and returns the key.
func (o Options) unseal(path string, b []byte) (any, error) {
	if o.Passphrase == nil {
		return nil, ErrNoPassphrase
	}
	prompt := "passphrase of " + path
	for range passphraseTries {
		passphrase, err := o.Passphrase(prompt)
		if err != nil {
			return nil, err
		}
		if len(passphrase) == 0 {
			return nil, ErrNoPassphrase
		}
		private, err := ssh.ParseRawPrivateKeyWithPassphrase(b, passphrase)
		clear(passphrase)
		switch {
		case err == nil:
			return private, nil
		case !errors.Is(err, x509.IncorrectPasswordError):
			return nil, fmt.Errorf("%w: not a private key that can be read: %w", ledger.ErrMalformed, err)
		}
		prompt = "that was wrong; passphrase of " + path
	}
	return nil, ErrPassphrase
}

// publicHalf returns the public key that a file of type openssh-key-v1 shows without its
// passphrase (OpenSSH's PROTOCOL.key), or "".
func publicHalf(b []byte) (typ string, blob []byte) {
	block, _ := pem.Decode(bytes.TrimSpace(ledger.PlainText(b)))
	if block == nil || block.Type != "OPENSSH PRIVATE KEY" {
		return "", nil
	}
	var outer struct {
		Cipher, KDF, Options string
		Keys                 uint32
		Public               []byte
		Rest                 []byte `ssh:"rest"`
	}
	var inner struct {
		Type string
		Rest []byte `ssh:"rest"`
	}
	b, ok := bytes.CutPrefix(block.Bytes, []byte("openssh-key-v1\x00"))
	if !ok || ssh.Unmarshal(b, &outer) != nil || ssh.Unmarshal(outer.Public, &inner) != nil {
		return "", nil
	}
	return inner.Type, outer.Public
}
