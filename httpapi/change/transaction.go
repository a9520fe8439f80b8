package change

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/ringfence/ringfence/httpapi/strictjson"
	"github.com/ringfence/ringfence/httpapi/transport"
	"github.com/ringfence/ringfence/plan"
	"github.com/ringfence/ringfence/secgroup"
)

// maxOperations bounds a transaction.
const maxOperations = 100

// operation is one mutation of a transaction: a request on a resource of the
// account, as it would be made alone.
//
//	{"as": "web", "method": "POST", "path": "/security-groups", "body": {"name": "web"}}
//	{"method": "PUT", "path": "/nics/n1/security-groups/${web}"}
//
// ${web} is the id of what the earlier operation made. It may be a segment of a
// path, and any string of a body.
type operation struct {
	at                   string
	as, method, path     string
	ifMatch, ifNoneMatch []string         // as the values of the headers
	body                 *strictjson.Node // nil: none
}

type resultJSON struct {
	As       string  `json:"as,omitempty"`
	Status   int     `json:"status"`
	Location *string `json:"location"`
	Body     any     `json:"body"` // null of a deletion, and of what a later operation deleted
}

type transactionJSON struct {
	Results []resultJSON `json:"results"`
}

// Find finds what decodes an operation of a transaction, with the query parameters
// that it knows and the parameters of its path: nil if there is none.
type Find func(method string, segments []string) (decode Decode, query []string, params map[string]string)

// Transaction decodes POST /v1/accounts/{account}/transactions: many mutations, of
// which each is found by its method and path.
func Transaction(find Find) Decode {
	return func(in *transport.Input) (Mutation, error) { return decodeTransaction(in, find) }
}

func decodeTransaction(in *transport.Input, find Find) (Mutation, error) {
	n, r, err := in.ObjectBody()
	if err != nil {
		return Mutation{}, err
	}
	ops := readOperations(r, n)
	if len(r.Faults) > 0 {
		return Mutation{}, r.Faults
	}
	var steps []Mutation // of the last run of the plan
	var results []plan.Result
	return Mutation{
		Plan: func(s *secgroup.Snapshot, req *plan.Request) (plan.Result, error) {
			t := transaction{find: find, account: in.Account, ids: map[string]string{}, failed: map[string]bool{}}
			all := make([]plan.Step, len(ops))
			steps = make([]Mutation, len(ops))
			for i := range ops {
				all[i] = plan.Step{At: ops[i].at, Plan: func(p *secgroup.Snapshot) (plan.Result, error) {
					return t.run(p, req, &ops[i], &steps[i])
				}}
			}
			result, each, err := plan.Sequence(s, req, all)
			results = each
			return result, err
		},
		Show: func(now After) (any, string) {
			out := transactionJSON{Results: make([]resultJSON, len(ops))}
			for i := range ops {
				out.Results[i] = showStep(&steps[i], After{now.Policy, results[i], now.Places})
				out.Results[i].As = ops[i].as
			}
			return out, "t"
		},
	}, nil
}

// readOperations reads the list.
func readOperations(r *strictjson.Reader, n *strictjson.Node) []operation {
	o := r.Object(n, "")
	defer o.Close()
	list := o.Take("operations")
	if list == nil {
		o.Invalid("/operations", "is missing")
		return nil
	}
	items := r.Items(list, "/operations", maxOperations)
	ops := make([]operation, len(items))
	names := map[string]bool{}
	for i, item := range items {
		at := "/operations" + secgroup.Pointer(i)
		p := r.Object(item, at)
		ops[i] = operation{
			at: at, as: p.Text("as"), method: p.Text("method"), path: p.Text("path"),
			ifMatch: headerValues(p, "if_match"), ifNoneMatch: headerValues(p, "if_none_match"), body: p.Take("body"),
		}
		if as := ops[i].as; as != "" {
			if !secgroup.ValidID(as) {
				p.Invalid(p.Pointer("as"), "a name is 1-64 of A-Z a-z 0-9 . _ -")
			} else if names[as] {
				p.Invalid(p.Pointer("as"), "an earlier operation has this name")
			}
			names[as] = true
		}
		for _, name := range []string{"method", "path"} {
			if item.Kind == strictjson.KindObject && item.Get(name) == nil {
				p.Invalid(p.Pointer(name), "is missing")
			}
		}
		p.Close()
	}
	if list.Kind == strictjson.KindArray && len(list.Items) == 0 {
		o.Invalid("/operations", "is empty")
	}
	return ops
}

// headerValues reads a field that stands for a header, nil if it is not there.
func headerValues(o *strictjson.Object, name string) []string {
	if v := o.Take(name); v != nil && o.Is(v, strictjson.KindString, o.Pointer(name)) {
		return []string{v.Text}
	}
	return nil
}

// transaction is one run of the plan.
type transaction struct {
	find    Find
	account string
	ids     map[string]string // by the names of the operations that are done
	failed  map[string]bool   // names of those that are refused
}

// run plans one operation on what those before it leave.
func (t *transaction) run(p *secgroup.Snapshot, req *plan.Request, op *operation, into *Mutation) (plan.Result, error) {
	result, err := t.try(p, req, op, into)
	if op.as != "" {
		switch {
		case err != nil:
			t.failed[op.as] = true
		case result.Rule != "":
			t.ids[op.as] = result.Rule
		default:
			t.ids[op.as] = result.Key.ID
		}
	}
	return result, err
}

func (t *transaction) try(p *secgroup.Snapshot, req *plan.Request, op *operation, into *Mutation) (plan.Result, error) {
	resolve := references{t, &strictjson.Reader{}, false}
	path, query, _ := strings.Cut(op.path, "?")
	var segments []string
	for part := range strings.SplitSeq(strings.Trim(path, "/"), "/") {
		segments = append(segments, resolve.text(part, op.at+"/path"))
	}
	var body *strictjson.Node
	if op.body != nil {
		body = resolve.node(op.body, op.at+"/body")
	}
	switch {
	case len(resolve.reader.Faults) > 0:
		return plan.Result{}, transport.Placed{Faults: resolve.reader.Faults}
	case resolve.dead:
		return plan.Result{}, plan.ErrNotTried
	}
	in, decode, err := t.input(op, segments, query, body)
	if err != nil {
		return plan.Result{}, err
	}
	m, err := decode(in)
	if err != nil {
		return plan.Result{}, err
	}
	*into = m
	return m.Plan(p, req.Step(transport.Condition(op.ifMatch, op.ifNoneMatch), m.Faults))
}

// references replaces the names of earlier operations by the ids of what they made.
type references struct {
	transaction *transaction
	reader      *strictjson.Reader
	dead        bool // one of them is refused
}

func (r *references) text(s, at string) string {
	name, ok := strings.CutPrefix(s, "${")
	if !ok || !strings.HasSuffix(name, "}") {
		return s
	}
	name = strings.TrimSuffix(name, "}")
	id, done := r.transaction.ids[name]
	switch {
	case r.transaction.failed[name]:
		r.dead = true
	case !done:
		r.reader.Invalid(at, fmt.Sprintf("no earlier operation is named %q", name))
	}
	return id
}

func (r *references) node(n *strictjson.Node, at string) *strictjson.Node {
	out := *n
	switch n.Kind {
	case strictjson.KindString:
		out.Text = r.text(n.Text, at)
	case strictjson.KindArray:
		out.Items = make([]*strictjson.Node, len(n.Items))
		for i, item := range n.Items {
			out.Items[i] = r.node(item, at+secgroup.Pointer(i))
		}
	case strictjson.KindObject:
		out.Fields = make([]strictjson.Field, len(n.Fields))
		for i, f := range n.Fields {
			out.Fields[i] = strictjson.Field{Name: f.Name, Value: r.node(f.Value, at+secgroup.Pointer(f.Name))}
		}
	default: // there is no text in it
	}
	return &out
}

// input makes the input that an operation stands for, and finds what decodes it.
func (t *transaction) input(op *operation, segments []string, query string, body *strictjson.Node) (*transport.Input, Decode, error) {
	fault := func(detail string) error {
		return transport.Placed{Faults: secgroup.Faults{{Pointer: op.at + "/path", Code: secgroup.CodeInvalidValue, Detail: detail}}}
	}
	whole := "/v1/accounts/" + url.PathEscape(t.account)
	for i, s := range segments {
		plain, err := url.PathUnescape(s)
		if err != nil {
			return nil, nil, fault("is not a path")
		}
		segments[i] = plain
		whole += "/" + url.PathEscape(plain)
	}
	decode, known, params := t.find(op.method, segments)
	if decode == nil {
		return nil, nil, fault("no operation of that method and path can be part of a transaction; paths begin with /security-groups, /instances or /nics")
	}
	in := &transport.Input{Account: t.account, Path: whole, Param: func(name string) string { return params[name] }}
	in.Given = func(optional bool) (*strictjson.Node, secgroup.Faults, error) {
		if body == nil && !optional {
			return nil, nil, transport.Refuse(http.StatusBadRequest, strictjson.CodeMalformed, "the operation needs a body")
		}
		return body, nil, nil
	}
	err := in.ReadParameters(query, known)
	if in.Parameters.Has("dry_run") || in.Parameters.Has("confirm") {
		return nil, nil, fault("dry_run and confirm are parameters of the whole transaction")
	}
	return in, decode, err
}

// showStep shows what became of an operation.
func showStep(m *Mutation, now After) resultJSON {
	made := m.Outcome(now.Result)
	out := resultJSON{Status: made.Status, Location: strictjson.TextOrNull(made.Location)}
	if m.Show != nil {
		if body, _ := m.Show(now); body != nil {
			out.Body = body
		}
	}
	return out
}
