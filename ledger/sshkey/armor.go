package sshkey

import (
	"bytes"
	"encoding/base64"
	"strings"

	"gait/ledger"
)

// MaxArmored bounds the file of an armored signature.
const MaxArmored = 4 << 10

const (
	armorBegin = "-----BEGIN SSH SIGNATURE-----"
	armorEnd   = "-----END SSH SIGNATURE-----"
	// armorWidth is that of the lines of ssh-keygen.
	armorWidth = 70
)

// Armor returns the file that ssh-keygen -Y sign writes of a blob, and -Y verify takes.
func Armor(blob []byte) []byte {
	var b bytes.Buffer
	b.WriteString(armorBegin + "\n")
	for encoded := base64.StdEncoding.EncodeToString(blob); encoded != ""; {
		width := min(armorWidth, len(encoded))
		b.WriteString(encoded[:width] + "\n")
		encoded = encoded[width:]
	}
	b.WriteString(armorEnd + "\n")
	return b.Bytes()
}

// ParseArmored returns the blob in the file that ssh-keygen -Y sign writes. Mail and
// terminals change files, so it takes any line ends, lines of any width, and blanks around
// each line. It refuses everything else before and after the signature. It does not parse
// the blob. Errors wrap ErrSignature.
func ParseArmored(file []byte) ([]byte, error) {
	if len(file) > MaxArmored {
		return nil, bad("a file of more than %d bytes", MaxArmored)
	}
	text := strings.ReplaceAll(string(ledger.PlainText(file)), "\r\n", "\n")
	lines := strings.Split(strings.Trim(text, " \t\r\n"), "\n")
	for i, line := range lines {
		lines[i] = strings.Trim(line, " \t\r")
	}
	last := len(lines) - 1
	if last < 1 || lines[0] != armorBegin || lines[last] != armorEnd {
		return nil, bad("not the file of one SSH SIGNATURE, as ssh-keygen writes it")
	}
	encoded := strings.Join(lines[1:last], "")
	blob, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if err != nil || len(blob) == 0 {
		return nil, bad("what the file of an SSH SIGNATURE holds is not base64")
	}
	return blob, nil
}
