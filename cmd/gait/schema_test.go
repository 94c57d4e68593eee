package main

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/gowebpki/jcs"
	"github.com/rogpeppe/go-internal/testscript"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// checkPrinted checks all that a command printed: one object, or several, one a
// line, if it follows a ledger.
func checkPrinted(schemas string, out []byte, follows bool) error {
	if !follows {
		return checkOutput(schemas, out)
	}
	for line := range bytes.Lines(out) {
		if err := checkOutput(schemas, line); err != nil {
			return err
		}
	}
	return nil
}

// checkOutput requires that an output is one line with one canonical object, valid
// under the schema that it names.
func checkOutput(schemas string, out []byte) error {
	line, ok := bytes.CutSuffix(out, []byte("\n"))
	if !ok || bytes.Contains(line, []byte("\n")) {
		return fmt.Errorf("not one line")
	}
	canonical, err := jcs.Transform(line)
	if err != nil {
		return err
	}
	if !bytes.Equal(canonical, line) {
		return fmt.Errorf("not canonical; it would be\n%s", canonical)
	}
	var head struct {
		ID string `json:"schema_id"`
	}
	if err := json.Unmarshal(line, &head); err != nil {
		return err
	}
	compiler := jsonschema.NewCompiler()
	for _, name := range []string{"gait.defs", head.ID} {
		if err := addSchema(compiler, filepath.Join(schemas, name+".schema.json"), name); err != nil {
			return err
		}
	}
	schema, err := compiler.Compile(schemaURL(head.ID))
	if err != nil {
		return err
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(line))
	if err != nil {
		return err
	}
	return schema.Validate(value)
}

func schemaURL(name string) string { return "https://gait.example/schemas/" + name + ".schema.json" }

func addSchema(c *jsonschema.Compiler, file, name string) error {
	text, err := os.Open(file)
	if err != nil {
		return err
	}
	defer text.Close()
	doc, err := jsonschema.UnmarshalJSON(text)
	if err != nil {
		return err
	}
	return c.AddResource(schemaURL(name), doc)
}

// packedCmd requires that every JSON entry of a pack is valid under the schema that
// it names: packed FILE
func packedCmd(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: packed FILE")
	}
	pack, err := zip.OpenReader(ts.MkAbs(args[0]))
	ts.Check(err)
	defer pack.Close()
	checked := 0
	for _, entry := range pack.File {
		// evidence.json names no schema: SPEC.md specifies it whole.
		if !strings.Contains(entry.Name, ".json") || entry.Name == "evidence.json" {
			continue
		}
		r, err := entry.Open()
		ts.Check(err)
		text, err := io.ReadAll(r)
		ts.Check(err)
		for line := range strings.Lines(string(text)) {
			if err := checkOutput(ts.Getenv("GAIT_TEST_SCHEMAS"), []byte(strings.TrimSuffix(line, "\n")+"\n")); err != nil {
				ts.Fatalf("%s: %v\n%s", entry.Name, err, line)
			}
			checked++
		}
	}
	ts.Logf("%d JSON values of %s are valid", checked, args[0])
}
