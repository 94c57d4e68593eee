package proxy_test

import (
	"testing"
)

// A name that a server which ignores case could take for another one is refused, at any depth;
// what it cannot is passed.
func TestClash(t *testing.T) {
	const deep = `{"name":"write","inputSchema":{"type":"object","$defs":{"point":{"properties":{"lat":{}}}},"properties":{` +
		`"path":{},"o":{"type":"object","properties":{"path":{},"Kind":{}}},"list":{"items":{"properties":{"id":{}}}},` +
		`"at":{"$ref":"#/$defs/point"},"free":{"type":"object"},"kind":{},"more":{"additionalProperties":{"properties":{"size":{}}}}}}}`
	d, f := newDesk(t, all), &fakeServer{tools: deep}
	s := start(t, d, f, nil)
	for _, arguments := range []string{
		`{"path":"a","Path":"b"}`, `{"Path":"b"}`, `{"o":{"path":"ok","Path":"evil"}}`, `{"o":{"Path":"evil"}}`, `{"o":{"kind":1}}`,
		`{"list":[{"id":1},{"ID":2}]}`, `{"at":{"Lat":1}}`, `{"free":{"a":1,"A":2}}`, `{"free":[[{"a":1,"A":2}]]}`, `{"unknown":{"x":{"\u212a":1,"k":2}}}`,
		`{"free":{"PATH":1}}`, `{"more":{"x":{"Size":1}}}`,
	} {
		has(t, s.call("write", arguments), `"code":-32602`, "could be taken for")
	}
	if ran := f.ran(); len(ran) > 0 {
		t.Errorf("the server was sent %q", ran)
	}
	for _, arguments := range []string{
		`{"path":"a","o":{"path":"b","Kind":1},"kind":2}`, `{"list":[{"id":1},{"id":2}],"at":{"lat":1}}`, `{"free":{"A":1,"b":{"a":2}}}`, `{"free":{"kind":1}}`, `{"more":{"x":{"size":1}}}`,
	} {
		has(t, s.call("write", arguments), `"text":"done"`)
	}
}
