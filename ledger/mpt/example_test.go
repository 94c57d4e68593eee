package mpt_test

import (
	"context"
	"crypto/sha256"
	"fmt"

	"gait/ledger/mpt"
)

// The tree, the proofs and the row of the package doc.
func Example() {
	var entries []mpt.Entry
	for i, name := range []string{"job/a", "job/b", "request/r1"} {
		entries = append(entries, mpt.Entry{
			Key:   sha256.Sum256([]byte(name)),
			Value: sha256.Sum256(fmt.Append(nil, i+1)),
		})
	}
	ctx := context.Background()
	tree, err := mpt.Tree{}.Set(ctx, nil, mpt.Sort(entries))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("root", tree.Root())

	for _, name := range []string{"job/b", "authority"} {
		key := mpt.Key(sha256.Sum256([]byte(name)))
		proof, err := tree.Prove(ctx, nil, key)
		if err != nil {
			fmt.Println(err)
			return
		}
		value, ok, err := proof.Check(tree.Root(), key)
		fmt.Println(name, ok, value, err)
		fmt.Printf("%x\n", proof.Encode())
	}
	for _, row := range tree.Dirty() {
		fmt.Printf("row %x: %x\n", row.Page.AppendKey(nil), row.Bytes)
	}
	// Output:
	// root 55b2126c7fa0481b8b9e6029ea93e6c9466aea11d22b141defb2110d10f8bb0b
	// job/b true d4735e3a265e16eee03f59718b9b5d03019c07d8b6c51f90da3a666eec13ab35 <nil>
	// 20ad2c107f8a84aed218d0bc0593262062eed58413050c1291e33eef0a0d04400a20d4735e3a265e16eee03f59718b9b5d03019c07d8b6c51f90da3a666eec13ab350155c31caebd421e65c4a0cf44d27e006116a2ece9ee7134831a89851699f73f5700a2a88935c454154232629848ad80491ba11cc341978f7427752c9a9223bb6991
	// authority false 0000000000000000000000000000000000000000000000000000000000000000 <nil>
	// 20ad2c107f8a84aed218d0bc0593262062eed58413050c1291e33eef0a0d04400a20d4735e3a265e16eee03f59718b9b5d03019c07d8b6c51f90da3a666eec13ab350155c31caebd421e65c4a0cf44d27e006116a2ece9ee7134831a89851699f73f5700a2a88935c454154232629848ad80491ba11cc341978f7427752c9a9223bb6991
	// row 00: 40000410010430a618c0924c25819548b5266219ed626fecae9daea8b537b5b62d200ad9556b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b01ad2c107f8a84aed218d0bc0593262062eed58413050c1291e33eef0a0d04400ad4735e3a265e16eee03f59718b9b5d03019c07d8b6c51f90da3a666eec13ab3501dfdfd1a2cfa617b4aa69d2b9b1c91df723674a2e0a281719c1ef7275a91abc864e07408562bedb8b60ce05c1decfe3ad16b72230967de01f640b7e4729b49fce
}
