package controller

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/ringfence/ringfence/internal/policytest/small"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/store"
)

// etcdctl reads and writes the store past Ringfence.
func (r *rig) etcdctl(args ...string) string {
	r.t.Helper()
	cmd := exec.CommandContext(r.t.Context(), "etcdctl", append([]string{"--endpoints=" + r.etcd.Endpoints[0]}, args...)...)
	cmd.Env = append(os.Environ(), "ETCDCTL_API=3")
	out, err := cmd.CombinedOutput()
	if err != nil {
		r.t.Fatalf("etcdctl %v: %v: %s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// TestUnreadableGroup has a group's record written by a later version, which
// says more than this one may act on. Nothing more passes than before; after a
// restart, when nobody knows what was before, nothing that the group alone
// allows; all the others go on; and it is named.
func TestUnreadableGroup(t *testing.T) {
	r, p := settled(t) // a1 in web, which lets in TCP 80 from db, where a2 is
	r.write(p.Rule("web", "e1", secgroup.Egress, "tcp", 22, ""), p.Rule("db", "d22", secgroup.Ingress, "tcp", 22, "web"))
	r.applied(r.write(p.Rule("db", "d25", secgroup.Ingress, "tcp", 25, "")))
	key := r.etcd.Prefix + "policy/groups/acme/web"
	good := r.etcdctl("get", "--print-value-only", key)
	type way struct {
		from, to, port int
		known, unknown bool // whether it passes while the record cannot be read
	}
	ways := []way{
		{2, 1, 80, true, false},  // by the rule of web
		{2, 1, 81, false, false}, // by what the later record adds
		{3, 1, 80, false, false}, // by no rule
		{1, 2, 22, true, false},  // egress of web, and db's rule that names web
		{1, 2, 25, false, false}, // egress that web restricts
		{3, 2, 25, true, true},   // nothing to do with web
	}
	check := func(when string, want func(way) bool) {
		t.Helper()
		for _, w := range ways {
			r.eventually(patience, when, func() string {
				if text, got := r.trace(w.from, w.to, "tcp", w.port); got != want(w) {
					return text
				}
				return ""
			})
		}
	}
	known := func(w way) bool { return w.known }
	check("before", known)

	bad := strings.Replace(good, `"v":1`, `"v":1,"min_reader":99`, 1)
	bad = strings.Replace(bad, `"rules":[`, `"rules":[{"id":"later","dir":"ingress","fam":"any","proto":"tcp","pmin":81,"pmax":81,"origin":"user","deny":false},`, 1)
	bad = strings.Replace(bad, `"egress":"auto"`, `"egress":"open"`, 1)
	if bad == good || !strings.Contains(bad, `"open"`) || !strings.Contains(bad, `"later"`) {
		t.Fatalf("the record is not what this test takes it for: %s", good)
	}
	r.etcdctl("put", key, bad)
	named := func(h store.HostStatus) bool { return strings.Contains(strings.Join(h.Errors, " "), key) }
	r.status("the record is named", named)
	check("known before", known)
	if n := r.counter("unreadable_records"); n != 1 {
		t.Errorf("%v unreadable records in the metric", n)
	}
	if !strings.Contains(r.logs.String(), key) && !strings.Contains(r.logs.String(), "cannot be read") {
		t.Log("the store's own logger is silent in this test")
	}
	if _, err := r.store.Update(t.Context(), func(*secgroup.Snapshot) ([]secgroup.Change, error) {
		return []secgroup.Change{p.Rule("web", "r9", secgroup.Ingress, "tcp", 9, "")}, nil
	}); !errors.Is(err, store.ErrUnreadable) {
		t.Errorf("a write of the group: %v", err)
	}

	r.stop()
	r.start()
	rev := r.write(secgroup.Put(small.NIC(4))) // others' changes go on
	r.applied(rev)
	r.status("the record is named again", named)
	check("unknown before", func(w way) bool { return w.unknown })

	r.etcdctl("put", key, good)
	r.status("nothing is wrong", func(h store.HostStatus) bool { return !named(h) })
	check("mended", known)
}
