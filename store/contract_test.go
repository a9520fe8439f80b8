package store

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/store/internal/membership"
	"github.com/ringfence/ringfence/store/internal/record"
)

// TestUnknownFieldsAreKept writes objects whose records have fields of a later
// version, of the record and of its rules and shares: the fields are there
// afterwards, but for those of rules that are gone.
func TestUnknownFieldsAreKept(t *testing.T) {
	withEtcd(t, func(t *testing.T, e testEtcd) {
		s := open(t, e.config())
		g := group("a", "g", rule("r1"), rule("r2"), rule("r3"))
		g.Shares = []secgroup.Share{{Account: "b", Attach: true}}
		mustUpdate(t, s, put(account("a"), network("n1"), g, nic("x", "a", "n1")))
		later := map[string]string{
			"groups/a/g": `{"v":1,"min_reader":2,"name":"g","egress":"auto","scope":"any","colour":"red","rules":[
				{"id":"r1","dir":"ingress","fam":"any","proto":"tcp","origin":"user","hits":[1,2]},
				{"id":"r2","dir":"ingress","fam":"any","proto":"udp","origin":"user","hits":[3]}],"shares":[{"account":"b","use":["attach"],"until":9}]}`,
			"nics/x": `{"v":1,"account":"a","network":"n1","mac":"02:00:00:00:00:01","speed":{"gbit":10}}`,
		}
		var rev int64
		for key, value := range later {
			r, err := s.link.Client.Put(t.Context(), s.link.Keys.Policy()+key, value)
			if err != nil {
				t.Fatal(err)
			}
			rev = max(rev, r.Header.Revision)
		}
		if err := s.cache().reach(within(t, patience), Write{Revision: rev}); err != nil {
			t.Fatal(err)
		}
		mustUpdate(t, s, func(snap *snapshot) (changes, error) {
			g := *snap.Group(groupRef("a", "g"))
			g.Description, g.Rules = "now", g.Rules[:1]                                          // without r2
			return changes{secgroup.Put(&g), secgroup.Put(nic("x", "a", "n1", "10.0.0.9"))}, nil // the NIC made anew, as PUT does
		})
		fresh := open(t, e.config())
		mustUpdate(t, fresh, func(snap *snapshot) (changes, error) {
			g := *snap.Group(groupRef("a", "g"))
			g.Description = "again"
			return changes{secgroup.Put(&g)}, nil
		})
		get := func(key string) (record map[string]any) {
			r, err := s.link.Client.Get(t.Context(), s.link.Keys.Policy()+key)
			if err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(r.Kvs[0].Value, &record); err != nil {
				t.Fatal(err)
			}
			return record
		}
		got := get("groups/a/g")
		rules, shares := got["rules"].([]any), got["shares"].([]any)
		if diff := cmp.Diff([]any{"red", "again", float64(2), 1, []any{float64(1), float64(2)}, float64(9)}, []any{got["colour"], got["description"], got["min_reader"], len(rules),
			rules[0].(map[string]any)["hits"], shares[0].(map[string]any)["until"]}); diff != "" {
			t.Errorf("group (-want +got):\n%s", diff)
		}
		x := get("nics/x")
		if diff := cmp.Diff([]any{map[string]any{"gbit": float64(10)}, []any{"10.0.0.9"}}, []any{x["speed"], x["addresses"]}); diff != "" {
			t.Errorf("NIC (-want +got):\n%s", diff)
		}
	})
}

// TestRecordsOfTheFirstLevel are byte for byte what they were before there were
// levels, so that versions of that time read them.
func TestRecordsOfTheFirstLevel(t *testing.T) {
	for _, o := range everyKind() {
		value, needs, err := record.EncodeObject(o)
		network, _ := o.(*secgroup.Network)
		nic, _ := o.(*secgroup.NIC)
		if network != nil && network.Local || nic != nil && len(nic.Hosts) > 0 { // there were none
			if needs != LevelPlacement {
				t.Errorf("%s, level %d", value, needs)
			}
			continue
		}
		if err != nil || needs != LevelFirst || !strings.HasPrefix(value, `{"v":1`) || strings.Contains(value, "min_reader") {
			t.Errorf("%s, level %d, %v", value, needs, err)
		}
	}
}

// awaitLevel waits until a store sees a level of the cluster.
func awaitLevel(t *testing.T, s *Store, want Level) {
	t.Helper()
	ctx := within(t, patience)
	for {
		seen := s.members.View()
		if seen.Level == want {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("the cluster is at level %d, want %d: %+v", seen.Level, want, s.Cluster())
		case <-seen.Changed:
		}
	}
}

// putLevel writes the level of a cluster by hand, as its APIs would.
func putLevel(t *testing.T, s *Store, level Level) {
	t.Helper()
	value, err := record.Marshal(record.ClusterRecord{Header: record.Current, Level: level})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.link.Client.Put(t.Context(), s.link.Keys.Level(), value); err != nil {
		t.Fatal(err)
	}
}

// TestLevelFollowsTheMembers raises the level when all members understand more,
// and lowers it when one comes that does not.
func TestLevelFollowsTheMembers(t *testing.T) {
	withEtcd(t, func(t *testing.T, e testEtcd) {
		cfg := e.config()
		cfg.MemberTTL = 10 * time.Second // a busy machine has no time for a lease of less
		s := open(t, cfg)
		mustUpdate(t, s, put(account("a")))
		s.Join(ClusterMember{ID: "api-1"})
		awaitLevel(t, s, LevelNow)

		// A host of this version, one of an older that says nothing, and its end.
		host := HostStatus{Host: "h1", Instance: "i1", Machine: "m1"}
		ctx := within(t, time.Minute)
		if err := s.PutHost(ctx, host); err != nil {
			t.Fatal(err)
		}
		if err := s.PutHost(ctx, HostStatus{Host: "old"}); err != nil {
			t.Fatal(err)
		}
		awaitLevel(t, s, LevelFirst)
		needs := func(l Level) error {
			d := &draft{needs: l}
			return s.permit(d)
		}
		var why *LevelError
		if err := needs(LevelContract); !errors.Is(err, ErrLevel) || !errors.As(err, &why) || len(why.Holdouts) != 1 || why.Holdouts[0].ID != "old" {
			t.Errorf("a write of level %d beside an old host: %v, want it named", LevelContract, err)
		}
		if err := needs(LevelFirst); err != nil {
			t.Errorf("a write of the first level: %v", err)
		}
		if err := s.DeleteHost(ctx, "old"); err != nil {
			t.Fatal(err)
		}
		awaitLevel(t, s, LevelNow)
		if err := needs(LevelContract); err != nil {
			t.Errorf("a write of level %d among its like: %v", LevelContract, err)
		}

		// A host that reported and went away counts, and an API as long as it is there.
		closing, err := Open(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		closing.Join(ClusterMember{ID: "api-0", Reads: LevelFirst})
		awaitLevel(t, s, LevelFirst)
		if err := closing.Close(); err != nil {
			t.Fatal(err)
		}
		awaitLevel(t, s, LevelNow)
		for end := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) { // an API that has no time for its lease is away for a moment
			var ids []string
			for _, m := range s.Cluster().Members {
				ids = append(ids, string(m.Kind)+" "+m.ID)
			}
			diff := cmp.Diff([]string{"api api-1", "host h1"}, ids)
			if diff == "" {
				break
			}
			if time.Now().After(end) {
				t.Fatalf("members (-want +got):\n%s", diff)
			}
		}
	})
}

// TestLevelOfAnOldStore stays the first one until somebody says that the APIs
// that do not tell of themselves are gone.
func TestLevelOfAnOldStore(t *testing.T) {
	withEtcd(t, func(t *testing.T, e testEtcd) {
		s := open(t, e.config())
		if _, err := s.link.Client.Put(t.Context(), s.link.Keys.Head(), `{"v":1,"write":"x"}`); err != nil {
			t.Fatal(err)
		}
		mustUpdate(t, s, put(account("a")))
		s.Join(ClusterMember{ID: "api-1"})
		ctx := within(t, patience)
		for len(s.Cluster().Members) == 0 {
			changed := s.members.View().Changed
			select {
			case <-ctx.Done():
				t.Fatal("the API did not join")
			case <-changed:
			}
		}
		for looked := 0; looked < 3; {
			hosts := s.hosts().Changed()
			switch err := s.members.Adjust(ctx, s.members.View()); {
			case err == nil:
				looked++
			case !errors.Is(err, membership.ErrUnknown):
				t.Fatal(err)
			default:
				select {
				case <-ctx.Done():
					t.Fatal("the hosts were not read")
				case <-hosts:
				}
			}
		}
		if c := s.Cluster(); c.Adopted || c.Level != LevelFirst {
			t.Errorf("an old store is taken over unasked: %+v", c)
		}
		if err := s.AdoptCluster(ctx); err != nil {
			t.Fatal(err)
		}
		awaitLevel(t, s, LevelNow)
	})
}

// TestFirstWriteOfALevel does not fail because nobody asked for the members of
// the cluster before.
func TestFirstWriteOfALevel(t *testing.T) {
	withEtcd(t, func(t *testing.T, e testEtcd) {
		opened := open(t, e.config())
		opened.Join(ClusterMember{ID: "api-1"})
		awaitLevel(t, opened, LevelNow)
		s := open(t, e.config())
		mustUpdate(t, s, put(&secgroup.Network{ID: "n", Type: secgroup.NetworkFlat, RoutingDomain: "d", Local: true}))
	})
}

// TestLevelIsACondition fails a write that rests on a level which is lowered
// before it gets there.
func TestLevelIsACondition(t *testing.T) {
	withEtcd(t, func(t *testing.T, e testEtcd) {
		s := open(t, e.config())
		mustUpdate(t, s, put(account("a")))
		s.Join(ClusterMember{ID: "api-1"})
		awaitLevel(t, s, LevelNow)
		d := &draft{needs: LevelContract}
		if err := s.permit(d); err != nil {
			t.Fatal(err)
		}
		holds := func() bool {
			// With nothing to read etcd would look without waiting for what it has
			// told its watchers already.
			r, err := s.link.Client.Txn(t.Context()).If(d.txn.must[0].compare()).Then(clientv3.OpGet(s.link.Keys.Level())).Commit()
			if err != nil {
				t.Fatal(err)
			}
			return r.Succeeded
		}
		if !holds() {
			t.Error("the condition does not hold")
		}
		if err := s.PutHost(t.Context(), HostStatus{Host: "old"}); err != nil {
			t.Fatal(err)
		}
		awaitLevel(t, s, LevelFirst)
		if holds() {
			t.Error("the condition holds after the level was lowered")
		}
	})
}
