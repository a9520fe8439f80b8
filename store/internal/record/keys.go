package record

import (
	"fmt"
	"net/netip"
	"net/url"
	"strings"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/ringfence/ringfence/secgroup"
)

// HeadKey is the key, below the prefix, that every mutation writes.
const HeadKey = "policy/head"

// Layout names the keys of one store, see the documentation of package store.
type Layout struct{ Prefix string }

// Policy is below what the objects of the policy are.
func (l Layout) Policy() string { return l.Prefix + "policy/" }

// Head is the key that every mutation writes.
func (l Layout) Head() string { return l.Prefix + HeadKey }

// Hosts is below what hosts report about themselves, each at its own key.
func (l Layout) Hosts() string { return l.Prefix + "hosts/" }

// Host is where one host reports.
func (l Layout) Host(name string) string {
	return l.Hosts() + name
}

// Relays is below what relays say of their hosts, each at its own key, see RelayStanding.
func (l Layout) Relays() string { return l.Prefix + "relays/" }

// Relay is where one relay does.
func (l Layout) Relay(name string) string { return l.Relays() + name }

// Plugs is where hosts say which NICs are plugged there, see Plug.
func (l Layout) Plugs() string { return l.Prefix + "plugs/" }

// Plug is where a host says it of one NIC.
func (l Layout) Plug(host, nic string) string { return l.Plugs() + host + "/" + nic }

// PlugsOf are the keys of a host's plugs.
func (l Layout) PlugsOf(host string) (from, end string) {
	from = l.Plugs() + host + "/"
	return from, clientv3.GetPrefixRangeEnd(from)
}

// Members is where hosts and APIs say what they understand, see Cluster.
func (l Layout) Members() string { return l.Prefix + "members/" }

// Level holds the level of the cluster.
func (l Layout) Level() string { return l.Members() + "level" }

// Pin keeps the level from rising, see store.Pin.
func (l Layout) Pin() string { return l.Members() + "pin" }

// API says what one API process understands, as long as it runs.
func (l Layout) API(id string) string { return l.Members() + "apis/" + id }

// Member says what a host understands, until the host is forgotten.
func (l Layout) Member(host string) string { return l.Members() + "hosts/" + host + "/reads" }

// Seat says which machine reports under a host's name, as long as it does.
func (l Layout) Seat(host string) string { return l.Members() + "hosts/" + host + "/seat" }

// Rival says which other machine would like to report under it, as long as it would.
func (l Layout) Rival(host string) string { return l.Members() + "hosts/" + host + "/rival" }

// Asks is below what hosts are asked, and answer.
func (l Layout) Asks() string { return l.Prefix + "ask/" }

// Ask is where questions to a host and its answers are.
func (l Layout) Ask(host string) string { return l.Asks() + host + "/" }

// AccountGuard is compared and written by every change of what an account owns.
func (l Layout) AccountGuard(account string) string { return l.Prefix + "guard/account/" + account }

// NetworksGuard is compared and written by every change of a network.
func (l Layout) NetworksGuard() string { return l.Prefix + "guard/networks" }

// NetworkUse is written by whatever begins to depend on a network, and
// compared by changes of that network.
func (l Layout) NetworkUse(network string) string { return l.Prefix + "guard/network-use/" + network }

// MACGuard is compared and written by whatever gives a NIC its MAC or takes it
// away. It is there while a NIC has the MAC.
func (l Layout) MACGuard(m secgroup.MAC) string { return l.Prefix + "guard/mac/" + m.String() }

// SegmentGuard is written by networks that move to a segment, and compared by
// NICs that come to it.
func (l Layout) SegmentGuard(s secgroup.Segment) string {
	return l.Prefix + "guard/segment/" + segmentPath(s)
}

// SegmentUse is written by NICs that come to a segment, and compared by
// networks that move to it.
func (l Layout) SegmentUse(s secgroup.Segment) string {
	return l.Prefix + "guard/segment-use/" + segmentPath(s)
}

// segmentPath names a segment in keys. Domains are free text of the operator.
func segmentPath(s secgroup.Segment) string {
	s.Domain = url.PathEscape(s.Domain)
	return s.String()
}

// BaselineGuard is compared and written by every change of the baseline.
func (l Layout) BaselineGuard() string { return l.Prefix + "guard/baseline" }

// Restores is where it is written what restores of the store have lost, by the mark of
// the last write that was lost.
func (l Layout) Restores() string { return l.Prefix + "restored/" }

// Restore is one such key.
func (l Layout) Restore(mark string) string { return l.Restores() + mark }

// Never is a key that is never made, see nestAll.
func (l Layout) Never(name string) string { return l.Prefix + "guard/never/" + name }

// NotesGuard is compared and written by notes that come without a change.
func (l Layout) NotesGuard() string { return l.Prefix + "guard/notes" }

// Address holds the id of the one NIC that has the address in the domain.
// Domains are free text of the operator, so they are escaped.
func (l Layout) Address(domain string, a netip.Addr) string {
	return l.Prefix + "address/" + url.PathEscape(domain) + "/" + a.String()
}

// Extra is the key of a note.
func (l Layout) Extra(name string) string { return l.Prefix + "extra/" + name }

// Object returns the key of an object of the policy.
func (l Layout) Object(k secgroup.Key) (string, error) {
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
	return l.Policy() + strings.Join(parts, "/"), nil
}

// Parse is the inverse of object.
func (l Layout) Parse(key string) (secgroup.Key, error) {
	path, ok := strings.CutPrefix(key, l.Policy())
	if !ok {
		return secgroup.Key{}, fmt.Errorf("key %q is not below %q", key, l.Policy())
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
	if again, err := l.Object(k); err != nil || again != key {
		return secgroup.Key{}, fmt.Errorf("key %q: names nothing this version knows", key)
	}
	return k, nil
}
