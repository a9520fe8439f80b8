package wire

import (
	"bytes"
	"crypto/sha256"
	"net/netip"

	"google.golang.org/protobuf/proto"

	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/span"
)

// digestSize is how much of a SHA-256 tells objects apart, in bytes.
const digestSize = 16

// digest is that of an object as it is encoded. Two programs may encode the same
// object otherwise: then it is sent again, and no more.
func digest(m proto.Message) []byte {
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		return nil // it is not sent either
	}
	sum := sha256.Sum256(b)
	return sum[:digestSize]
}

func digestOfMembers(l span.Label, list []netip.Addr) []byte {
	m := &Members{Group: fromRef(l.Group), Domain: l.Domain}
	m.Add4, m.Add6 = pack(list)
	return digest(m)
}

// HeldOf says what a share is. Nothing changes it meanwhile.
func HeldOf(s *span.Share) *Held {
	h := &Held{}
	for id, n := range s.NICs {
		h.Nics = append(h.Nics, &HeldObject{Id: id, Digest: digest(fromNIC(id, &n))})
	}
	for id, n := range s.Networks {
		h.Networks = append(h.Networks, &HeldObject{Id: id, Digest: digest(fromNetwork(n))})
	}
	for ref, g := range s.Groups {
		h.Groups = append(h.Groups, &HeldObject{Account: ref.Account, Id: ref.ID, Digest: digest(fromGroup(g))})
	}
	for ref, domains := range s.Members {
		for domain, list := range domains {
			l := span.Label{Group: ref, Domain: domain}
			h.Members = append(h.Members, &HeldObject{Account: ref.Account, Id: ref.ID, Domain: domain, Digest: digestOfMembers(l, list)})
		}
	}
	if s.Baseline != nil {
		h.Baseline = digest(fromBaseline(s.Baseline))
	}
	return h
}

// Diff returns the delta that makes a full delta's share of what is held. What the
// digests do not prove to be there is in it.
func (h *Held) Diff(full span.Delta) span.Delta {
	d := span.Delta{
		NICs: map[string]*span.NIC{}, Networks: map[string]*secgroup.Network{}, Groups: map[secgroup.GroupRef]*secgroup.Group{},
		Members: map[span.Label]span.Change{}, Baseline: full.Baseline,
	}
	diff(d.NICs, full.NICs, h.GetNics(), func(o *HeldObject) string { return o.GetId() }, func(id string, n *span.NIC) proto.Message { return fromNIC(id, n) })
	diff(d.Networks, full.Networks, h.GetNetworks(), func(o *HeldObject) string { return o.GetId() }, func(_ string, n *secgroup.Network) proto.Message { return fromNetwork(n) })
	diff(d.Groups, full.Groups, h.GetGroups(), (*HeldObject).ref, func(_ secgroup.GroupRef, g *secgroup.Group) proto.Message { return fromGroup(g) })
	held := map[span.Label][]byte{}
	for _, o := range h.GetMembers() {
		held[span.Label{Group: o.ref(), Domain: o.GetDomain()}] = o.GetDigest()
	}
	for l, c := range full.Members {
		if !proves(held[l], digestOfMembers(l, c.Add)) {
			d.Members[l] = span.Change{Reset: true, Add: c.Add}
		}
	}
	for l := range held {
		if _, is := full.Members[l]; !is {
			d.Members[l] = span.Change{Reset: true}
		}
	}
	if full.Baseline != nil && proves(h.GetBaseline(), digest(fromBaseline(full.Baseline))) {
		d.Baseline = nil
	}
	return d
}

// diff puts into out what is not held as it is, and what is held and is not.
func diff[K comparable, T any](out, is map[K]*T, held []*HeldObject, key func(*HeldObject) K, message func(K, *T) proto.Message) {
	has := make(map[K][]byte, len(held))
	for _, o := range held {
		has[key(o)] = o.GetDigest()
	}
	for k, o := range is {
		if d, there := has[k]; !there || !proves(d, digest(message(k, o))) {
			out[k] = o
		}
	}
	for k := range has {
		if _, there := is[k]; !there {
			out[k] = nil
		}
	}
}

func proves(held, is []byte) bool { return len(held) == digestSize && bytes.Equal(held, is) }

func (o *HeldObject) ref() secgroup.GroupRef {
	return secgroup.GroupRef{Account: o.GetAccount(), ID: o.GetId()}
}
