package store

import (
	"fmt"
	"net/netip"
	"net/url"
	"strings"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/ringfence/ringfence/secgroup"
)

// headKey is the key, below the prefix, that every mutation writes.
const headKey = "policy/head"

// layout names the keys of one store, see the package documentation.
type layout struct{ prefix string }

func (l layout) policy() string { return l.prefix + "policy/" }
func (l layout) head() string   { return l.prefix + headKey }
func (l layout) hosts() string  { return l.prefix + "hosts/" }
func (l layout) host(name string) string {
	return l.hosts() + name
}

// plugs is where hosts say which NICs are plugged there, see Plug.
func (l layout) plugs() string                { return l.prefix + "plugs/" }
func (l layout) plug(host, nic string) string { return l.plugs() + host + "/" + nic }

// plugsOf are the keys of a host's plugs.
func (l layout) plugsOf(host string) (from, end string) {
	from = l.plugs() + host + "/"
	return from, clientv3.GetPrefixRangeEnd(from)
}

// members is where hosts and APIs say what they understand, see Cluster.
func (l layout) members() string { return l.prefix + "members/" }

// level holds the level of the cluster.
func (l layout) level() string { return l.members() + "level" }

// api says what one API process understands, as long as it runs.
func (l layout) api(id string) string { return l.members() + "apis/" + id }

// member says what a host understands, until the host is forgotten; seat which
// machine reports under its name, and rival which other one would like to, both
// as long as that is so.
func (l layout) member(host string) string { return l.members() + "hosts/" + host + "/reads" }
func (l layout) seat(host string) string   { return l.members() + "hosts/" + host + "/seat" }
func (l layout) rival(host string) string  { return l.members() + "hosts/" + host + "/rival" }

// ask is where questions to a host and its answers are.
func (l layout) ask(host string) string { return l.prefix + "ask/" + host + "/" }

// accountGuard is compared and written by every change of what an account owns.
func (l layout) accountGuard(account string) string { return l.prefix + "guard/account/" + account }

// networksGuard is compared and written by every change of a network.
func (l layout) networksGuard() string { return l.prefix + "guard/networks" }

// networkUse is written by whatever begins to depend on a network, and
// compared by changes of that network.
func (l layout) networkUse(network string) string { return l.prefix + "guard/network-use/" + network }

// macGuard is compared and written by whatever gives a NIC its MAC or takes it
// away. It is there while a NIC has the MAC.
func (l layout) macGuard(m secgroup.MAC) string { return l.prefix + "guard/mac/" + m.String() }

// segmentGuard is written by networks that move to a segment, and compared by
// NICs that come to it.
func (l layout) segmentGuard(s secgroup.Segment) string {
	return l.prefix + "guard/segment/" + segmentPath(s)
}

// segmentUse is written by NICs that come to a segment, and compared by
// networks that move to it.
func (l layout) segmentUse(s secgroup.Segment) string {
	return l.prefix + "guard/segment-use/" + segmentPath(s)
}

// segmentPath names a segment in keys. Domains are free text of the operator.
func segmentPath(s secgroup.Segment) string {
	s.Domain = url.PathEscape(s.Domain)
	return s.String()
}

// baselineGuard is compared and written by every change of the baseline.
func (l layout) baselineGuard() string { return l.prefix + "guard/baseline" }

// losses is where it is written what the store has lost, by the mark of the
// last write that was lost.
func (l layout) losses() string          { return l.prefix + "restored/" }
func (l layout) loss(mark string) string { return l.losses() + mark }

// never is a key that is never made, see nestAll.
func (l layout) never(name string) string { return l.prefix + "guard/never/" + name }

// notesGuard is compared and written by notes that come without a change.
func (l layout) notesGuard() string { return l.prefix + "guard/notes" }

// address holds the id of the one NIC that has the address in the domain.
// Domains are free text of the operator, so they are escaped.
func (l layout) address(domain string, a netip.Addr) string {
	return l.prefix + "address/" + url.PathEscape(domain) + "/" + a.String()
}

// extra is the key of a note.
func (l layout) extra(name string) string { return l.prefix + "extra/" + name }

// object returns the key of an object of the policy.
func (l layout) object(k secgroup.Key) (string, error) {
	var parts []string
	switch k.Kind {
	case secgroup.KindAccount:
		parts = []string{"accounts", k.ID}
	case secgroup.KindNetwork:
		parts = []string{"networks", k.ID}
	case secgroup.KindInstance:
		parts = []string{"instances", k.Account, k.ID}
	case secgroup.KindNIC:
		parts = []string{"nics", k.ID}
	case secgroup.KindGroup:
		parts = []string{"groups", k.Account, k.ID}
	case secgroup.KindAttachment:
		kind, id := "nic", k.NIC
		if k.Instance != "" {
			kind, id = "instance", k.Instance
		}
		if k.Instance != "" && k.NIC != "" {
			return "", fmt.Errorf("attachment of %s/%s names both instance %q and nic %q", k.Account, k.ID, k.Instance, k.NIC)
		}
		parts = []string{"attachments", k.Account, k.ID, kind, id}
	case secgroup.KindBaseline:
		parts = []string{"baseline"}
	default:
		return "", fmt.Errorf("key of unknown kind %d", k.Kind)
	}
	for _, p := range parts {
		if p == "" || strings.Contains(p, "/") {
			return "", fmt.Errorf("key of %v: %q is no id", k.Kind, p)
		}
	}
	return l.policy() + strings.Join(parts, "/"), nil
}

// parse is the inverse of object.
func (l layout) parse(key string) (secgroup.Key, error) {
	path, ok := strings.CutPrefix(key, l.policy())
	if !ok {
		return secgroup.Key{}, fmt.Errorf("key %q is not below %q", key, l.policy())
	}
	kind, rest, _ := strings.Cut(path, "/")
	var parts [4]string
	n := 0
	for ; rest != "" && n < len(parts); n++ {
		parts[n], rest, _ = strings.Cut(rest, "/")
	}
	var k secgroup.Key
	switch {
	case kind == "accounts" && n == 1:
		k = secgroup.AccountKey(parts[0])
	case kind == "networks" && n == 1:
		k = secgroup.NetworkKey(parts[0])
	case kind == "instances" && n == 2:
		k = secgroup.InstanceKey(secgroup.InstanceRef{Account: parts[0], ID: parts[1]})
	case kind == "nics" && n == 1:
		k = secgroup.NICKey(parts[0])
	case kind == "groups" && n == 2:
		k = secgroup.GroupKey(secgroup.GroupRef{Account: parts[0], ID: parts[1]})
	case kind == "attachments" && n == 4 && parts[2] == "nic":
		k = secgroup.Key{Kind: secgroup.KindAttachment, Account: parts[0], ID: parts[1], NIC: parts[3]}
	case kind == "attachments" && n == 4 && parts[2] == "instance":
		k = secgroup.Key{Kind: secgroup.KindAttachment, Account: parts[0], ID: parts[1], Instance: parts[3]}
	case kind == "baseline" && n == 0:
		k = secgroup.BaselineKey()
	}
	if again, err := l.object(k); err != nil || again != key {
		return secgroup.Key{}, fmt.Errorf("key %q: names nothing this version knows", key)
	}
	return k, nil
}
