package main

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

//go:embed schemas/*.schema.json
var schemaFiles embed.FS

const schemaSuffix = ".schema.json"

func schemaCommand(a *app) *cobra.Command {
	cmd := group(a, &cobra.Command{
		Use:     "schema",
		Short:   "Show the JSON Schemas of what gait prints and writes",
		Example: "gait schema list\ngait schema show gait.job.output",
	})
	cmd.AddCommand(schemaListCommand(a), schemaShowCommand(a))
	return cmd
}

// A listedSchema is a schema as schema list shows it.
type listedSchema struct {
	Name  string `json:"name"` // the schema_id of what it describes
	ID    string `json:"id"`   // its $id
	Title string `json:"title"`
}

// listSchemas returns the schemas by name.
func listSchemas() ([]listedSchema, error) {
	files, err := fs.Glob(schemaFiles, "schemas/*"+schemaSuffix)
	if err != nil {
		return nil, err
	}
	list := make([]listedSchema, len(files))
	for i, file := range files {
		list[i].Name = strings.TrimSuffix(strings.TrimPrefix(file, "schemas/"), schemaSuffix)
		var head struct {
			ID    string `json:"$id"`
			Title string `json:"title"`
		}
		text, err := readSchema(list[i].Name)
		if err == nil {
			err = json.Unmarshal(text, &head)
		}
		if err != nil {
			return nil, err
		}
		list[i].ID, list[i].Title = head.ID, head.Title
	}
	return list, nil
}

func readSchema(name string) ([]byte, error) {
	text, err := schemaFiles.ReadFile("schemas/" + name + schemaSuffix)
	if err != nil {
		return nil, &usageError{code: "schema_not_found", text: fmt.Sprintf("there is no schema %.80q", name), hint: "gait schema list"}
	}
	return text, nil
}

func schemaListCommand(a *app) *cobra.Command {
	return exits(&cobra.Command{
		Use:     "list",
		Short:   "List the schemas",
		Long:    "List the schemas. Each is named for the schema_id of what it describes;\ngait.defs holds what several share.",
		Example: "gait schema list --json",
		Args:    noArgs,
		RunE: func(*cobra.Command, []string) error {
			list, err := listSchemas()
			if err != nil {
				return err
			}
			return a.print(object{"schemas": list}, func(s *screen) {
				rows := make([][]any, len(list))
				for i, l := range list {
					rows[i] = []any{l.Name, l.Title}
				}
				s.table([]any{"schema", "of"}, rows)
			})
		},
	}, 0, 1, 6)
}

func schemaShowCommand(a *app) *cobra.Command {
	return exits(&cobra.Command{
		Use:     "show NAME",
		Short:   "Print a schema",
		Long:    "Print a schema (JSON Schema 2020-12), as it is; with --json, inside of an object.",
		Example: "gait schema show gait.job.output > job.schema.json\ngait schema show gait.defs --json",
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return &usageError{code: "invalid_usage", text: fmt.Sprintf("which schema? one name, not %d", len(args)), hint: "gait schema list"}
			}
			text, err := readSchema(args[0])
			if err != nil {
				return err
			}
			return a.print(object{"name": args[0], "schema": json.RawMessage(slices.Clone(text))}, func(s *screen) { s.add(string(text)) })
		},
	}, 0, 1, 6)
}
