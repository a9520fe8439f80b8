package plan

import (
	"slices"

	"github.com/ringfence/ringfence/secgroup"
)

// PutBaseline replaces the operator's baseline addresses.
func PutBaseline(s *secgroup.Snapshot, req *Request, addresses []secgroup.BaselineAddress) (Result, error) {
	d := begin(s, req)
	old := s.Baseline()
	if err := d.req.Condition.check(Tag(old.Revision)); err != nil {
		return Result{}, err
	}
	b := &secgroup.Baseline{Addresses: addresses}
	d.add("", b.Validate())
	d.static.All = true
	if !slices.Equal(old.Addresses, b.Addresses) {
		d.put(b)
	}
	return d.finish(b.Key(), false)
}
