package httpapi

import (
	"slices"
	"strings"

	"github.com/ringfence/ringfence/httpapi/shape"
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
		if v.Account(c.in.Account) == nil {
			return nil, transport.NotFound()
		}
		return v.Groups(c.in.Account), nil
	},
	key:  func(g *secgroup.Group) string { return g.ID },
	keep: keepGroups,
	show: func(_ *call, v *plan.View) func(*secgroup.Group) any {
		in := plan.NewInertness(v)
		return func(g *secgroup.Group) any { return shape.ShowGroup(in, g) }
	},
}

// keepGroups makes the filters of the group list: name, name_prefix, tag (a key,
// or key=value), network (listed in its scope), nic (judged by the group) and
// instance (the group is attached to it).
func keepGroups(c *call, v *plan.View) (func(*secgroup.Group) bool, error) {
	name, prefix, network := c.in.Query("name"), c.in.Query("name_prefix"), c.in.Query("network")
	tag, value, valued := strings.Cut(c.in.Query("tag"), "=")
	var judging, attached []secgroup.GroupRef
	if id := c.in.Query("nic"); id != "" {
		if n := v.NIC(id); n != nil && n.Account == c.in.Account {
			for _, e := range v.EffectiveGroups(n) {
				judging = append(judging, e.Group)
			}
		}
	}
	if id := c.in.Query("instance"); id != "" {
		for _, a := range v.AttachmentsOfInstance(secgroup.InstanceRef{Account: c.in.Account, ID: id}) {
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

// groupBody shows a group and its tag.
func groupBody(v *plan.View, ref secgroup.GroupRef) (any, string) {
	g := v.Group(ref)
	if g == nil {
		return nil, ""
	}
	return shape.ShowGroup(plan.NewInertness(v), g), plan.Tag(g.Revision)
}

// showWrittenGroup shows the group that a plan wrote.
func showWrittenGroup(now after) (any, string) {
	return groupBody(now.view, secgroup.GroupRef{Account: now.result.Key.Account, ID: now.result.Key.ID})
}

func getGroup(c *call) error {
	return c.object(func(v *plan.View) (any, string) { return groupBody(v, c.in.Group()) })
}

func postGroup(in *transport.Input) (mutation, error) {
	n, r, err := in.ObjectBody()
	if err != nil {
		return mutation{}, err
	}
	spec := shape.ReadGroup(r, n, secgroup.GroupRef{Account: in.Account})
	return mutation{faults: r.Faults, show: showWrittenGroup,
		location: func(r plan.Result) string { return in.Below(r.Key.ID) },
		plan: func(s plan.Policy, req *plan.Request) (plan.Result, error) {
			return plan.CreateGroup(s, req, in.Account, spec)
		}}, nil
}

func putGroup(in *transport.Input) (mutation, error) {
	n, r, err := in.ObjectBody()
	if err != nil {
		return mutation{}, err
	}
	ref := in.Group()
	spec := shape.ReadGroup(r, n, ref)
	return mutation{faults: r.Faults, show: showWrittenGroup,
		plan: func(s plan.Policy, req *plan.Request) (plan.Result, error) {
			return plan.PutGroup(s, req, ref, spec)
		}}, nil
}

func patchGroup(in *transport.Input) (mutation, error) {
	patch, r, err := in.ObjectBody()
	if err != nil {
		return mutation{}, err
	}
	ref := in.Group()
	return mutation{faults: r.Faults, show: showWrittenGroup,
		plan: func(s plan.Policy, req *plan.Request) (plan.Result, error) {
			return plan.PatchGroup(s, req, ref, func(g *secgroup.Group) (plan.GroupSpec, secgroup.Faults) {
				return strictjson.Edit(shape.WritableGroup(g), patch, func(r *strictjson.Reader, n *strictjson.Node) plan.GroupSpec { return shape.ReadGroup(r, n, ref) })
			})
		}}, nil
}

func deleteGroup(in *transport.Input) (mutation, error) {
	cascade, err := in.Cascade()
	if err != nil {
		return mutation{}, err
	}
	if err := in.NoBody(); err != nil {
		return mutation{}, err
	}
	ref := in.Group()
	return mutation{plan: func(s plan.Policy, req *plan.Request) (plan.Result, error) {
		return plan.DeleteGroup(s, req, ref, cascade)
	}}, nil
}
