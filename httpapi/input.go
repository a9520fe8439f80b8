package httpapi

import (
	"net/url"
	"strings"

	"github.com/ringfence/ringfence/httpapi/strictjson"
	"github.com/ringfence/ringfence/plan"
	"github.com/ringfence/ringfence/secgroup"
)

// input is what is asked for: the resource that a path names, parameters and a
// body. A request has one, and so has each operation of a transaction.
type input struct {
	account    string // of the path, "" if it has none
	path       string // of the resource, escaped
	parameters url.Values
	param      func(name string) string // a parameter of the path
	// given reads the body. If it is optional, and there is none, it is nil.
	given func(optional bool) (*strictjson.Node, secgroup.Faults, error)
}

// below is the path of something in the collection that the path names.
func (in *input) below(id string) string {
	return strings.TrimSuffix(in.path, "/") + "/" + url.PathEscape(id)
}

func (in *input) groupRef() secgroup.GroupRef {
	return secgroup.GroupRef{Account: in.account, ID: in.param("group")}
}

func (in *input) instanceRef() secgroup.InstanceRef {
	return secgroup.InstanceRef{Account: in.account, ID: in.param("instance")}
}

// target is the NIC or the instance of the path.
func (in *input) target() plan.Target {
	return plan.Target{NIC: in.param("nic"), Instance: in.param("instance")}
}

// body reads the JSON that is given. Faults of its form are in the reader.
func (in *input) body() (*strictjson.Node, *strictjson.Reader, error) {
	n, faults, err := in.given(false)
	return n, &strictjson.Reader{Faults: faults}, err
}

// objectBody reads the JSON that is given, which must be an object: of anything
// else every field would be missing, which is no help.
func (in *input) objectBody() (*strictjson.Node, *strictjson.Reader, error) {
	n, r, err := in.body()
	if err == nil && !r.Is(n, strictjson.KindObject, "") {
		err = r.Faults
	}
	return n, r, err
}

// noBody refuses a body that says anything: the path says it all.
func (in *input) noBody() error {
	n, faults, err := in.given(true)
	if err != nil {
		return err
	}
	r := &strictjson.Reader{Faults: faults}
	if n != nil {
		r.Object(n, "").Close()
	}
	if len(r.Faults) > 0 {
		return r.Faults
	}
	return nil
}
