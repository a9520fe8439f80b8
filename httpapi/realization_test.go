package httpapi

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/ringfence/ringfence/httpapi/realization"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/store"
)

// report has a host say what it has applied. Its NICs are ready.
func (s *server) report(host string, applied int64, nics ...string) {
	s.t.Helper()
	h := store.HostStatus{Host: host, Applied: applied, Connected: true, Heartbeat: time.Now(), Version: "test", Flows: 7}
	for i, id := range nics {
		h.NICs = append(h.NICs, store.HostNIC{ID: id, OFPort: uint32(i + 1), Ready: true, Applied: applied})
	}
	if err := s.store.PutHost(s.t.Context(), h); err != nil {
		s.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	defer cancel()
	err := s.store.WaitHosts(ctx, func(all []store.HostStatus) bool {
		for _, seen := range all {
			if seen.Host == host && seen.Applied == applied && len(seen.NICs) == len(nics) {
				return true
			}
		}
		return false
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

func (a answer) revision(t *testing.T) int64 {
	t.Helper()
	rev, err := strconv.ParseInt(a.header.Get("SG-Revision"), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return rev
}

// hosted is a world with hosts: n1 on h1, n2 on h2, n3 of the other routing
// domain on h3, nothing on h4.
func hosted(t *testing.T) *server {
	t.Helper()
	s := world(t)
	s.must("PUT", web, `{"name":"web","default_rules":false}`)
	s.must("PUT", acme+"/nics/n1/security-groups/web", "")
	rev := s.must("PUT", rules+"/r1", `{"direction":"ingress","protocol":"tcp","port_min":80}`).revision(t)
	s.report("h1", rev, "n1")
	s.report("h2", rev, "n2")
	s.report("h3", rev, "n3")
	s.report("h4", 1)
	return s
}

func TestNICShowsWhereItIsPlugged(t *testing.T) {
	t.Parallel()
	s := hosted(t)
	n := s.must("GET", acme+"/nics/n1", "")
	n.want(t, map[string]string{"host": "h1", "ready": "true"})
	if n.text("realized_revision") != s.must("GET", "/v1/hosts/h1", "").text("applied_revision") {
		t.Errorf("realized_revision: %s", n.raw)
	}
	s.must("GET", acme+"/nics", "").want(t, map[string]string{"items.1.host": "h2", "items.2.host": "h3"})
	s.must("GET", "/v1/hosts", "").want(t, map[string]string{
		"items.0.id": "h1", "items.0.alive": "true", "items.0.flows": "7", "items.0.nics.0.id": "n1", "items.3.nics": "[]",
	})
}

// further has host h1 say that it is at a revision, and its NICs that are given at a
// later one: it judges connections of the others.
func (s *server) further(applied, latest int64, nics map[string]int64) {
	s.t.Helper()
	h := store.HostStatus{Host: "h1", Instance: "h1", Applied: applied, Latest: latest, Connected: true, Heartbeat: time.Now(), Version: "test"}
	err := s.store.Read(s.t.Context(), func(snap *secgroup.Snapshot) error {
		h.Mark, h.LatestMark = s.api.past.MarkOf(snap, applied), s.api.past.MarkOf(snap, latest)
		return nil
	})
	if err != nil {
		s.t.Fatal(err)
	}
	for _, id := range slices.Sorted(maps.Keys(nics)) {
		h.NICs = append(h.NICs, store.HostNIC{ID: id, OFPort: 1, Ready: true, Applied: nics[id]})
	}
	if err := s.store.PutHost(s.t.Context(), h); err != nil {
		s.t.Fatal(err)
	}
}

// A host that judges the connections of one NIC for long holds up what concerns that
// NIC, and nothing else.
func TestOneNICsSweepHoldsUpNobodyElse(t *testing.T) {
	t.Parallel()
	s := world(t)
	s.must("PUT", web, `{"name":"web","default_rules":false}`)
	s.must("PUT", acme+"/nics/n1/security-groups/web", "")
	s.must("PUT", rules+"/r1", `{"direction":"ingress","protocol":"tcp","port_min":80}`)
	s.must("PUT", groups+"/db", `{"name":"db","default_rules":false}`)
	before := s.must("PUT", acme+"/nics/n2/security-groups/db", "").revision(t)
	s.further(before, before, map[string]int64{"n1": before, "n2": before})
	if err := s.store.AdoptCluster(t.Context()); err != nil { // no version is here that does not know what is further
		t.Fatal(err)
	}
	s.store.Join(store.ClusterMember{ID: "api"})
	for begun := time.Now(); s.store.Cluster().Level == store.LevelFirst; time.Sleep(10 * time.Millisecond) {
		if time.Since(begun) > 2*time.Minute {
			t.Fatalf("the cluster stays at the first level: %+v", s.store.Cluster())
		}
	}
	removed := s.do("DELETE", rules+"/r1", "").revision(t)
	added := s.must("PUT", groups+"/db/rules/a", `{"direction":"ingress","protocol":"tcp","port_min":81}`).revision(t)
	db, all := groups+"/db/realization?wait=60", "/v1/realization?wait=0&revision="
	s.further(before, added, map[string]int64{"n1": before, "n2": added})
	s.must("GET", db, "").want(t, map[string]string{"state": "realized", "lagging": "[]"})
	s.must("GET", all+strconv.FormatInt(added, 10), "").want(t, map[string]string{"state": "realized"})
	s.must("GET", all+strconv.FormatInt(removed, 10), "").want(t, map[string]string{"state": "pending", "lagging.0.host": "h1"})
	s.must("GET", groups+"/web/realization?wait=0", "").want(t, map[string]string{"state": "pending"})
	s.must("GET", acme+"/nics/n1", "").want(t, map[string]string{"realized_revision": strconv.FormatInt(before, 10)})
	s.must("GET", acme+"/nics/n2", "").want(t, map[string]string{"realized_revision": strconv.FormatInt(added, 10)})
	s.must("GET", "/v1/hosts/h1", "").want(t, map[string]string{"applied_revision": strconv.FormatInt(before, 10)})

	answers := make(chan answer)
	go func() {
		answers <- s.do("PUT", groups+"/db/rules/b", `{"direction":"ingress","protocol":"tcp","port_min":82}`, "Prefer: wait=60")
	}()
	for s.api.newestRevision(t) == added {
		time.Sleep(time.Millisecond)
	}
	now := s.api.newestRevision(t)
	s.further(before, now, map[string]int64{"n1": before, "n2": added}) // n2 is held up, too
	select {
	case a := <-answers:
		t.Fatalf("answered before it is in force: %d %s", a.status, a.raw)
	case <-time.After(100 * time.Millisecond): // what must not happen has its time
	}
	s.further(before, now, map[string]int64{"n1": before, "n2": now})
	(<-answers).want(t, map[string]string{"realization.state": "realized"})
}

// A change waits for the hosts that it concerns and for no other, whatever has
// become of those.
func TestPreferWait(t *testing.T) {
	t.Parallel()
	s := hosted(t)
	late := s.do("PUT", rules+"/r2", `{"direction":"ingress","protocol":"tcp","port_min":81}`, "Prefer: wait=0")
	late.want(t, map[string]string{
		"id": "r2", "effects.hosts": `["h1"]`, "realization.state": "pending",
		"realization.lagging.0.host": "h1", "realization.lagging.0.reason": "not applied yet", "realization.lagging.1": "null",
	})
	if late.status != 202 || late.header.Get("Preference-Applied") != "wait" {
		t.Errorf("late: %d %v", late.status, late.header)
	}
	type done struct {
		a    answer
		took time.Duration
	}
	answers := make(chan done)
	go func() {
		begun := time.Now()
		a := s.do("PUT", rules+"/r3", `{"direction":"ingress","protocol":"tcp","port_min":82}`, "Prefer: respond-async, wait=60")
		answers <- done{a, time.Since(begun)}
	}()
	select {
	case d := <-answers:
		t.Fatalf("answered before the host applied it: %d %s", d.a.status, d.a.raw)
	case <-time.After(100 * time.Millisecond): // what must not happen has its time
	}
	s.report("h1", late.revision(t), "n1") // one revision short
	select {
	case d := <-answers:
		t.Fatalf("answered one revision early: %d %s", d.a.status, d.a.raw)
	case <-time.After(100 * time.Millisecond): // what must not happen has its time
	}
	for s.api.newestRevision(t) == late.revision(t) {
		time.Sleep(time.Millisecond)
	}
	s.report("h1", s.api.newestRevision(t), "n1")
	d := <-answers
	d.a.want(t, map[string]string{"realization.state": "realized", "realization.lagging": "[]"})
	if d.a.status != 201 { // and not 202, when the wait is over
		t.Errorf("%d after %v", d.a.status, d.took)
	}
	nobody := s.must("PUT", groups+"/nobody", `{"name":"nobody"}`, "Prefer: wait=10")
	nobody.want(t, map[string]string{"effects.hosts": "[]", "realization.state": "realized"})
}

// What takes something away has those hosts judge open connections again that
// have an end which may refuse them now: each end cuts for itself. Others are not
// waited for, though they are of the same routing domain.
func TestTakingAwayConcernsTheEndsThatCut(t *testing.T) {
	t.Parallel()
	s := hosted(t)
	gone := s.do("DELETE", rules+"/r1", "", "Prefer: wait=0")
	gone.want(t, map[string]string{"realization.lagging.0.host": "h1", "realization.lagging.1": "null"})
	if gone.status != 202 {
		t.Errorf("%d %s", gone.status, gone.raw)
	}
	path := web + "/realization?revision=" + gone.header.Get("SG-Revision")
	s.must("GET", path, "").want(t, map[string]string{"state": "pending", "lagging.0.host": "h1"})
	s.report("h1", gone.revision(t), "n1")
	s.must("GET", path+"&wait=5s", "").want(t, map[string]string{"state": "realized", "lagging": "[]", "revision": gone.header.Get("SG-Revision")})
	// n2 takes what web sends: when n1 leaves web, n2's end cuts, and n1's. (It stays
	// in another group, so that it does not join its account's default group.)
	s.must("PUT", groups+"/app", `{"name":"app","default_rules":false}`)
	s.must("PUT", acme+"/nics/n1/security-groups/app", "")
	s.must("PUT", groups+"/db", `{"name":"db","default_rules":false,"rules":[{"direction":"ingress","protocol":"tcp","port_min":5432,"remote_group":"web"}]}`)
	rev := s.must("PUT", acme+"/nics/n2/security-groups/db", "").revision(t)
	for host, nic := range map[string]string{"h1": "n1", "h2": "n2", "h3": "n3"} {
		s.report(host, rev, nic)
	}
	left := s.do("DELETE", acme+"/nics/n1/security-groups/web", "", "Prefer: wait=0")
	left.want(t, map[string]string{"realization.lagging.0.host": "h1", "realization.lagging.1.host": "h2", "realization.lagging.2": "null"})
}

// A NIC that is made is waited for where it is plugged, and where rules name its
// groups; not by all of its routing domain.
func TestNewNICWaitsForFew(t *testing.T) {
	t.Parallel()
	s := hosted(t)
	s.report("h4", 1, "n9")
	made := s.do("PUT", "/v1/nics/n9", `{"account":"acme","network":"net1","mac":"02:00:00:00:00:99","addresses":["10.0.0.99"]}`, "Prefer: wait=0")
	made.want(t, map[string]string{"effects.hosts": `["h2","h3","h4"]`}) // n2 and n3 are in the default group too, whose rules name it
}

// A change that is asked for again waits for whom it was to concern the first time,
// although it only added.
func TestUnchangedWaitsForWhoNamesIt(t *testing.T) {
	t.Parallel()
	s := hosted(t)
	s.must("PUT", groups+"/db", `{"name":"db","default_rules":false,"rules":[{"direction":"ingress","protocol":"tcp","port_min":5432,"remote_group":"web"}]}`)
	rev := s.must("PUT", acme+"/nics/n2/security-groups/db", "").revision(t)
	path := acme + "/nics/n3/security-groups/web"
	s.report("h1", rev, "n1")
	s.report("h2", rev, "n2")
	first := s.do("PUT", path, "", "Prefer: wait=0")
	s.report("h3", first.revision(t), "n3")
	again := s.do("PUT", path, "", "Prefer: wait=0")
	again.want(t, map[string]string{"effects.hosts": "[]", "realization.state": "pending", "realization.lagging.0.host": "h2"})
}

// A repeated request waits for what the first one was too impatient for.
func TestRepeatedRequestWaitsForTheFirst(t *testing.T) {
	t.Parallel()
	s := hosted(t)
	s.must("PUT", groups+"/db", `{"name":"db"}`)
	path := acme + "/nics/n2/security-groups/db"
	if first := s.do("PUT", path, "", "Prefer: wait=0"); first.status != 202 {
		t.Errorf("first: %d %s", first.status, first.raw)
	}
	again := s.do("PUT", path, "", "Prefer: wait=0")
	if again.status != 202 {
		t.Errorf("again: %d %s", again.status, again.raw)
	}
	again.want(t, map[string]string{"group": "db", "realization.state": "pending"})
	for _, h := range []string{"h1", "h2", "h3"} {
		s.report(h, again.revision(t), map[string]string{"h1": "n1", "h2": "n2", "h3": "n3"}[h])
	}
	if last := s.do("PUT", path, "", "Prefer: wait=5"); last.status != 200 {
		t.Errorf("last: %d %s", last.status, last.raw)
	}
}

// An address is safe to use again when those who may have let it in as a member
// have applied that it is none.
func TestAddressReuseBarrier(t *testing.T) {
	t.Parallel()
	s := hosted(t)
	s.must("PUT", groups+"/db", `{"name":"db","default_rules":false,"rules":[{"direction":"ingress","protocol":"tcp","port_min":5432,"remote_group":"web"}]}`)
	s.must("PUT", acme+"/nics/n2/security-groups/db", "")
	gone := s.must("DELETE", "/v1/nics/n1", "")
	path := "/v1/realization?revision=" + gone.header.Get("SG-Revision")
	s.must("GET", path, "").want(t, map[string]string{"state": "pending", "lagging.0.host": "h1", "lagging.1.host": "h2", "lagging.2": "null"})
	s.report("h1", gone.revision(t)) // unplugged
	s.must("GET", path, "").want(t, map[string]string{"state": "pending", "lagging.0.host": "h2", "lagging.1": "null"})
	s.report("h2", gone.revision(t), "n2")
	// n3 takes nothing from n1: its groups' rules do not name web, and n1 was not in
	// their account's default group.
	s.must("GET", path+"&wait=1", "").want(t, map[string]string{"state": "realized"})
	later := s.must("PUT", web, `{"name":"renamed"}`)
	s.must("GET", "/v1/realization", "").want(t, map[string]string{"state": "pending", "revision": later.header.Get("SG-Revision")})
	s.must("GET", path, "").want(t, map[string]string{"state": "realized"})
	if a := s.do("GET", "/v1/realization?revision=99999999", ""); a.status != 410 || a.text("code") != "revision-compacted" {
		t.Errorf("a revision that the store never had: %d %s", a.status, a.raw)
	}
}

// Another API process has not seen the change being made: it asks all hosts of
// the domain.
func TestRealizationOfAnUnknownRevisionIsCautious(t *testing.T) {
	t.Parallel()
	s := hosted(t)
	added := s.must("PUT", rules+"/r5", `{"direction":"ingress","protocol":"tcp","port_min":85}`)
	s.report("h1", added.revision(t), "n1")
	path := web + "/realization?revision=" + added.header.Get("SG-Revision")
	s.must("GET", path, "").want(t, map[string]string{"state": "realized"})
	s.api.past = realization.NewHistory() // as in a process that started later
	s.must("GET", path, "").want(t, map[string]string{"state": "pending", "lagging.0.host": "h2", "lagging.1": "null"})
}

// A host that is gone for good holds up those who wait until it is forgotten.
func TestForgetHost(t *testing.T) {
	t.Parallel()
	s := hosted(t)
	late := s.do("PUT", rules+"/r2", `{"direction":"ingress","protocol":"tcp","port_min":81}`, "Prefer: wait=0")
	path := web + "/realization?revision=" + late.header.Get("SG-Revision")
	s.must("GET", path, "").want(t, map[string]string{"lagging.0.host": "h1"})
	for _, status := range []int{204, 404} {
		if a := s.do("DELETE", "/v1/hosts/h1", ""); a.status != status {
			t.Fatalf("%d %s, want %d", a.status, a.raw, status)
		}
		err := s.store.WaitHosts(t.Context(), func(all []store.HostStatus) bool {
			return !slices.ContainsFunc(all, func(h store.HostStatus) bool { return h.Host == "h1" })
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	s.must("GET", path, "").want(t, map[string]string{"state": "realized"})
}
