package httpapi

import (
	"slices"
	"strings"

	"github.com/ringfence/ringfence/httpapi/strictjson"
	"github.com/ringfence/ringfence/httpapi/transport"
	"github.com/ringfence/ringfence/plan"
	"github.com/ringfence/ringfence/secgroup"
)

// object answers GET of one object.
func (c *call) object(show func(v *plan.View) (body any, tag string)) error {
	var body []byte
	var tag string
	err := c.api.store.Read(c.req.Context(), func(s *secgroup.Snapshot) error {
		var shown any
		shown, tag = show(plan.NewView(s, s.Revision(), nil))
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
	items: func(c *call, v *plan.View) ([]*secgroup.Group, error) {
		if v.Account(c.account) == nil {
			return nil, transport.NotFound()
		}
		return v.Groups(c.account), nil
	},
	key:  func(g *secgroup.Group) string { return g.ID },
	keep: keepGroups,
	show: func(_ *call, v *plan.View) func(*secgroup.Group) any {
		in := plan.NewInertness(v)
		return func(g *secgroup.Group) any { return showGroup(in, g) }
	},
}

// keepGroups makes the filters of the group list: name, name_prefix, tag (a key,
// or key=value), network (listed in its scope), nic (judged by the group) and
// instance (the group is attached to it).
func keepGroups(c *call, v *plan.View) (func(*secgroup.Group) bool, error) {
	name, prefix, network := c.query("name"), c.query("name_prefix"), c.query("network")
	tag, value, valued := strings.Cut(c.query("tag"), "=")
	var judging, attached []secgroup.GroupRef
	if id := c.query("nic"); id != "" {
		if n := v.NIC(id); n != nil && n.Account == c.account {
			for _, e := range v.EffectiveGroups(n) {
				judging = append(judging, e.Group)
			}
		}
	}
	if id := c.query("instance"); id != "" {
		for _, a := range v.AttachmentsOfInstance(secgroup.InstanceRef{Account: c.account, ID: id}) {
			attached = append(attached, a.Group)
		}
	}
	return func(g *secgroup.Group) bool {
		v, tagged := g.Tags[tag]
		return (name == "" || g.Name == name) && strings.HasPrefix(g.Name, prefix) &&
			(tag == "" || tagged && (!valued || v == value)) &&
			(network == "" || slices.Contains(g.Networks, network)) &&
			(c.query("nic") == "" || slices.Contains(judging, g.GroupRef)) &&
			(c.query("instance") == "" || slices.Contains(attached, g.GroupRef))
	}, nil
}

// groupBody shows a group and its tag.
func groupBody(v *plan.View, ref secgroup.GroupRef) (any, string) {
	g := v.Group(ref)
	if g == nil {
		return nil, ""
	}
	return showGroup(plan.NewInertness(v), g), plan.Tag(g.Revision)
}

// showWrittenGroup shows the group that a plan wrote.
func showWrittenGroup(v *plan.View, r plan.Result) (any, string) {
	return groupBody(v, secgroup.GroupRef{Account: r.Key.Account, ID: r.Key.ID})
}

func getGroup(c *call) error {
	return c.object(func(v *plan.View) (any, string) { return groupBody(v, c.groupRef()) })
}

func postGroup(c *call) error {
	n, r, err := c.objectBody()
	if err != nil {
		return err
	}
	spec := readGroup(r, n, secgroup.GroupRef{Account: c.account})
	return c.mutate(mutation{faults: r.Faults, show: showWrittenGroup,
		location: func(r plan.Result) string { return c.below(r.Key.ID) },
		plan: func(s plan.Policy, req *plan.Request) (plan.Result, error) {
			return plan.CreateGroup(s, req, c.account, spec)
		}})
}

func putGroup(c *call) error {
	n, r, err := c.objectBody()
	if err != nil {
		return err
	}
	ref := c.groupRef()
	spec := readGroup(r, n, ref)
	return c.mutate(mutation{faults: r.Faults, show: showWrittenGroup,
		plan: func(s plan.Policy, req *plan.Request) (plan.Result, error) {
			return plan.PutGroup(s, req, ref, spec)
		}})
}

func patchGroup(c *call) error {
	patch, r, err := c.objectBody()
	if err != nil {
		return err
	}
	ref := c.groupRef()
	return c.mutate(mutation{faults: r.Faults, show: showWrittenGroup,
		plan: func(s plan.Policy, req *plan.Request) (plan.Result, error) {
			return plan.PatchGroup(s, req, ref, func(g *secgroup.Group) (plan.GroupSpec, secgroup.Faults) {
				return strictjson.Edit(writableGroup(g), patch, func(r *strictjson.Reader, n *strictjson.Node) plan.GroupSpec { return readGroup(r, n, ref) })
			})
		}})
}

func deleteGroup(c *call) error {
	cascade, err := c.cascade()
	if err != nil {
		return err
	}
	if err := c.noBody(); err != nil {
		return err
	}
	ref := c.groupRef()
	return c.mutate(mutation{plan: func(s plan.Policy, req *plan.Request) (plan.Result, error) {
		return plan.DeleteGroup(s, req, ref, cascade)
	}})
}
