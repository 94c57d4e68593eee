package gate

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/types"

	"gait/ledger/jcs"
)

// A converter makes values of an intent into values of Cedar.
type converter struct{ probes *int }

// recordOf returns an object as Cedar knows it. Members that are null are left out: Cedar
// has no null, and asks with `has` whether a member is there.
func (c converter) recordOf(object map[string]any) (cedar.Record, error) {
	m := make(cedar.RecordMap, len(object))
	for name, v := range object {
		if v == nil {
			continue
		}
		value, err := c.valueOf(v)
		if err != nil {
			return cedar.Record{}, err
		}
		m[cedar.String(name)] = value
	}
	return cedar.NewRecord(m), nil
}

func (c converter) valueOf(v any) (cedar.Value, error) {
	switch v := v.(type) {
	case bool:
		return cedar.Boolean(v), nil
	case string:
		return cedar.String(v), nil
	case json.Number:
		n, err := v.Int64()
		return cedar.Long(n), err
	case float64:
		return fractionOf(v)
	case []any:
		return c.setOf(v)
	case map[string]any:
		return c.recordOf(v)
	case nil:
		return nil, &Error{Code: CodeIntentUnsupported, Reason: "the intent has null in a list: Cedar has no null"}
	}
	return nil, fmt.Errorf("a value of type %T", v) // decode makes no other
}

func (c converter) setOf(list []any) (cedar.Value, error) {
	values := make([]cedar.Value, len(list))
	members := table{map[uint64]slot{}, c.probes}
	for i, v := range list {
		var err error
		if values[i], err = c.valueOf(v); err != nil {
			return nil, err
		}
		if err := members.add(values[i]); err != nil {
			return nil, err
		}
	}
	return cedar.NewSet(values...), nil
}

// fractionOf returns a fraction as a decimal, if it has at most four decimals and Cedar's
// decimals reach so far, and otherwise as its canonical JSON text.
func fractionOf(f float64) (cedar.Value, error) {
	b, err := jcs.AppendValue(nil, f)
	if err != nil {
		return nil, err
	}
	text := string(b)
	_, decimals, _ := strings.Cut(text, ".")
	if len(decimals) <= 4 && !strings.Contains(text, "e") {
		if d, err := types.ParseDecimal(text); err == nil {
			return d, nil
		}
	}
	return cedar.String(text), nil
}
