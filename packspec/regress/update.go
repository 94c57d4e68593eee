package regress

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Updated returns the folder's files by path, except the pack, with the expectations
// replaced by what today's code derives from the events. regress.yaml records why, and is
// otherwise unchanged, with its comments.
func (f *Fixture) Updated(why Update) (map[string][]byte, error) {
	h, err := f.History()
	if err != nil {
		return nil, err
	}
	config := f.Config
	config.Updates = append(slices.Clone(config.Updates), why)
	files, err := Files(config, h)
	if err != nil {
		return nil, err
	}
	for _, add := range []func([]byte, Update) ([]byte, error){appendUpdate, insertUpdate} {
		text, err := add(f.text, why)
		if err != nil {
			return nil, inFixture(ConfigFile, err)
		}
		var again Config
		if err := yaml.Unmarshal(text, &again); err == nil && reflect.DeepEqual(again, config) {
			files[ConfigFile] = text
			return files, nil
		}
	}
	return nil, fmt.Errorf("%w: %s: the list of updates is written in a form that cannot be extended", ErrFixture, ConfigFile)
}

// appendUpdate adds an update at the end of a regress.yaml and keeps all other bytes. If
// the updates are not at the end, the result is not the intended document or not valid.
func appendUpdate(text []byte, why Update) ([]byte, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return nil, err
	}
	item, err := encode([]Update{why})
	if err != nil {
		return nil, err
	}
	indent := "  "
	if list := updatesOf(doc.Content[0]); len(list.Content) > 0 {
		indent = strings.Repeat(" ", max(0, list.Content[0].Column-len("- ")-1))
	}
	out := bytes.TrimRight(text, " \n")
	if !bytes.Contains(text, []byte("updates:")) {
		out = append(slices.Clip(out), "\nupdates:"...)
	}
	for line := range bytes.Lines(item) {
		out = append(slices.Clip(out), "\n"+indent+strings.TrimSuffix(string(line), "\n")...)
	}
	return append(out, '\n'), nil
}

// insertUpdate adds an update to the updates of a regress.yaml at any place. It keeps
// comments, but may change the layout.
func insertUpdate(text []byte, why Update) ([]byte, error) {
	var doc, item yaml.Node
	err := errors.Join(yaml.Unmarshal(text, &doc), item.Encode(why))
	if err != nil {
		return nil, err
	}
	list := updatesOf(doc.Content[0])
	list.Content = append(list.Content, &item)
	return encode(&doc)
}

// updatesOf returns the list of updates in a mapping. If there is none, it adds one.
func updatesOf(config *yaml.Node) *yaml.Node {
	list := &yaml.Node{}
	for i := 0; i+1 < len(config.Content); i += 2 {
		if config.Content[i].Value == "updates" {
			list = config.Content[i+1]
		}
	}
	if list.Kind == 0 {
		config.Content = append(config.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: "updates"}, list)
	}
	if list.Kind != yaml.SequenceNode { // none, or null
		*list = yaml.Node{Kind: yaml.SequenceNode}
	}
	list.Style &^= yaml.FlowStyle
	return list
}

func encode(v any) ([]byte, error) {
	var out bytes.Buffer
	to := yaml.NewEncoder(&out)
	to.SetIndent(2)
	err := to.Encode(v)
	return out.Bytes(), err
}
