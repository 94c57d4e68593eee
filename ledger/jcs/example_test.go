package jcs_test

import (
	"fmt"

	"gait/ledger/jcs"
)

func ExampleMarshal() {
	b, err := jcs.Marshal(map[string]any{"summary": `a <b> & "c"`, "seq": 7, "labels": []string{}})
	fmt.Printf("%s %v\n", b, err)
	_, err = jcs.Marshal(map[string]any{"ratio": 0.5})
	fmt.Println(err)
	// Output:
	// {"labels":[],"seq":7,"summary":"a <b> & \"c\""} <nil>
	// encoding JSON: 0.5 is not an integer up to 2^53-1
}
