package httpapi

import (
	"slices"
	"strings"

	"github.com/ringfence/ringfence/httpapi/change"
	"github.com/ringfence/ringfence/httpapi/shape"
	"github.com/ringfence/ringfence/httpapi/strictjson"
	"github.com/ringfence/ringfence/httpapi/transport"
	"github.com/ringfence/ringfence/secgroup"
)

// object answers GET of one object.
func (c *call) object(show func(s *secgroup.Snapshot) (body any, tag string)) error {
	var body []byte
	var tag string
	err := c.api.store.Read(c.req.Context(), func(s *secgroup.Snapshot) error {
		var shown any
		shown, tag = show(s)
		if shown == nil {
			return transport.NotFound()
		}
		var err error
		body, err = strictjson.Encode(shown)
		return err
	})
	if err != nil {
		return err
	}
	return c.read(tag, body)
}

var groupList = listing[*secgroup.Group]{
	after: ofAccount((*secgroup.Snapshot).GroupsAfter),
	key:   func(g *secgroup.Group) string { return g.ID },
	keep:  keepGroups,
	show: func(_ *call, s *secgroup.Snapshot) func(*secgroup.Group) any {
		return func(g *secgroup.Group) any { return shape.ShowGroup(s, g) }
	},
}

// keepGroups makes the filters of the group list: name, name_prefix, tag (a key,
// or key=value), network (listed in its scope), nic (judged by the group) and
// instance (the group is attached to it).
func keepGroups(c *call, s *secgroup.Snapshot) (func(*secgroup.Group) bool, error) {
	name, prefix, network := c.in.Query("name"), c.in.Query("name_prefix"), c.in.Query("network")
	tag, value, valued := strings.Cut(c.in.Query("tag"), "=")
	var judging, attached []secgroup.GroupRef
	if id := c.in.Query("nic"); id != "" {
		if n := s.NIC(id); n != nil && n.Account == c.in.Account {
			for _, e := range s.EffectiveGroups(n) {
				judging = append(judging, e.Group)
			}
		}
	}
	if id := c.in.Query("instance"); id != "" {
		for _, a := range s.AttachmentsOfInstance(secgroup.InstanceRef{Account: c.in.Account, ID: id}) {
			attached = append(attached, a.Group)
		}
	}
	return func(g *secgroup.Group) bool {
		v, tagged := g.Tags[tag]
		return (name == "" || g.Name == name) && strings.HasPrefix(g.Name, prefix) &&
			(tag == "" || tagged && (!valued || v == value)) &&
			(network == "" || slices.Contains(g.Networks, network)) &&
			(c.in.Query("nic") == "" || slices.Contains(judging, g.GroupRef)) &&
			(c.in.Query("instance") == "" || slices.Contains(attached, g.GroupRef))
	}, nil
}

func getGroup(c *call) error {
	return c.object(func(s *secgroup.Snapshot) (any, string) { return change.GroupBody(s, c.in.Group()) })
}
