package policy

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/parser"

	"github.com/ringfence/ringfence/client"
)

// source is a policy file as it was written.
type source struct {
	name string
	text []byte
}

// place says where in the file something is, or would be, by a pointer (RFC 6901):
// "policy.yaml:7: /groups/0/rules/1/port_min".
func (s source) place(pointer string) string {
	file, err := parser.ParseBytes(s.text, 0)
	if err != nil {
		return s.name + ": " + pointer
	}
	for names := strings.Split(pointer, "/")[1:]; len(names) > 0; names = names[:len(names)-1] {
		path := (&yaml.PathBuilder{}).Root()
		for _, name := range names {
			if i, err := strconv.ParseUint(name, 10, 31); err == nil {
				path = path.Index(uint(i))
			} else {
				path = path.Child(strings.NewReplacer("~1", "/", "~0", "~").Replace(name))
			}
		}
		if node, err := path.Build().FilterFile(file); err == nil {
			return fmt.Sprintf("%s:%d: %s", s.name, node.GetToken().Position.Line, pointer)
		}
	}
	return s.name + ": " + pointer
}

// locate has an error of the API point into the file instead of into the transaction. from
// is where in the file the body of each operation comes from, "" if from nowhere.
func (s source) locate(err error, from []string) error {
	p, ok := errors.AsType[*client.Problem](err)
	if !ok {
		return err
	}
	for i, f := range p.Errors {
		for op, at := range from {
			if rest, in := strings.CutPrefix(f.Pointer, fmt.Sprintf("/operations/%d/body", op)); in && at != "" {
				p.Errors[i].Pointer = s.place(at + rest)
			}
		}
	}
	return err
}
