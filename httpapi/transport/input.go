package transport

import (
	"net/url"
	"strings"

	"github.com/ringfence/ringfence/httpapi/strictjson"
	"github.com/ringfence/ringfence/plan"
	"github.com/ringfence/ringfence/secgroup"
)

// Input is what is asked for: the resource that a path names, parameters and a
// body. A request has one, and so has each operation of a transaction.
type Input struct {
	Account    string                   // of the path, "" if it has none
	Path       string                   // of the resource, escaped
	Parameters url.Values               // of the query, once ReadParameters has read it
	Param      func(name string) string // a parameter of the path
	// given reads the body. If it is optional, and there is none, it is nil.
	Given func(optional bool) (*strictjson.Node, secgroup.Faults, error)
}

// Below is the path of something in the collection that the path names.
func (in *Input) Below(id string) string {
	return strings.TrimSuffix(in.Path, "/") + "/" + url.PathEscape(id)
}

// Group is the security group of the path.
func (in *Input) Group() secgroup.GroupRef {
	return secgroup.GroupRef{Account: in.Account, ID: in.Param("group")}
}

// Instance is the instance of the path.
func (in *Input) Instance() secgroup.InstanceRef {
	return secgroup.InstanceRef{Account: in.Account, ID: in.Param("instance")}
}

// Target is the NIC or the instance of the path.
func (in *Input) Target() plan.Target {
	return plan.Target{NIC: in.Param("nic"), Instance: in.Param("instance")}
}

// Body reads the JSON that is given. Faults of its form are in the reader.
func (in *Input) Body() (*strictjson.Node, *strictjson.Reader, error) {
	n, faults, err := in.Given(false)
	return n, &strictjson.Reader{Faults: faults}, err
}

// ObjectBody reads the JSON that is given, which must be an object: of anything
// else every field would be missing, which is no help.
func (in *Input) ObjectBody() (*strictjson.Node, *strictjson.Reader, error) {
	n, r, err := in.Body()
	if err == nil && !r.Is(n, strictjson.KindObject, "") {
		err = r.Faults
	}
	return n, r, err
}

// NoBody refuses a body that says anything: the path says it all.
func (in *Input) NoBody() error {
	n, faults, err := in.Given(true)
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
