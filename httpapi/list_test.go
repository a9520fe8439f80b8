package httpapi

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ringfence/ringfence/httpapi/shape"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/store"
)

// ids reads a list to its end, in pages of a size, and calls between after each
// page but the last.
func (s *server) ids(path string, limit int, between func(page int)) (ids []string, revisions map[string]bool) {
	s.t.Helper()
	revisions = map[string]bool{}
	sep := "?"
	if strings.Contains(path, "?") {
		sep = "&"
	}
	cursor := ""
	for page := 0; ; page++ {
		a := s.must("GET", fmt.Sprintf("%s%slimit=%d%s", path, sep, limit, cursor), "")
		for i := 0; a.at("items", i) != nil; i++ {
			ids = append(ids, a.text("items", i, "id"))
		}
		revisions[a.text("revision")] = true
		if a.at("next_cursor") == nil {
			return ids, revisions
		}
		cursor = "&cursor=" + a.text("next_cursor")
		if between != nil {
			between(page)
		}
	}
}

func TestListPagesAreOfOneRevision(t *testing.T) {
	t.Parallel()
	s := world(t)
	var want []string
	for i := range 12 {
		id := fmt.Sprintf("g%02d", i)
		s.must("PUT", groups+"/"+id, fmt.Sprintf(`{"name":"name %d"}`, i))
		want = append(want, id)
	}
	want = append([]string{"default"}, want...)
	got, revisions := s.ids(groups, 3, func(page int) {
		s.must("DELETE", fmt.Sprintf("%s/g%02d", groups, 11-page), "")                                       // was on a page to come
		s.must("PUT", fmt.Sprintf("%s/g%02d0", groups, 2+3*page), `{"name":"`+fmt.Sprint("new ", page)+`"}`) // would be on the next page
		s.must("PATCH", groups+"/g07", fmt.Sprintf(`{"description":"page %d"}`, page))
	})
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("pages give\n%v, want\n%v", got, want)
	}
	if len(revisions) != 1 {
		t.Errorf("pages are of revisions %v", revisions)
	}
	if got, _ := s.ids(groups, 1000, nil); len(got) != 13-4+4 {
		t.Errorf("afterwards there are %v", got)
	}
}

// What a page shows of an object is also of the list's revision: its rules, and
// for a NIC the groups that judged it then.
func TestListShowsObjectsAsTheyWere(t *testing.T) {
	t.Parallel()
	s := world(t)
	s.must("PUT", web, `{"name":"web","egress_policy":"listed"}`)
	first := s.must("GET", acme+"/nics?limit=1", "")
	first.want(t, map[string]string{"items.0.id": "n1"})
	s.must("PUT", acme+"/nics/n2/security-groups/web", "")
	s.must("PUT", "/v1/nics/n2", `{"account":"acme","network":"net1","mac":"02:00:00:00:00:02","addresses":["10.0.0.77"]}`)
	next := s.must("GET", acme+"/nics?limit=1&cursor="+first.text("next_cursor"), "")
	next.want(t, map[string]string{
		"items.0.id": "n2", "items.0.addresses": `["10.0.0.2"]`, "items.0.egress_restricted": "false",
		"items.0.effective_groups": `[{"id":"default","implicit":true,"via":"default"}]`,
	})
	s.must("GET", acme+"/nics/n2", "").want(t, map[string]string{"addresses": `["10.0.0.77"]`, "egress_restricted": "true"})
}

func TestListCursorExpires(t *testing.T) {
	t.Parallel()
	s := world(t)
	s.must("PUT", web, `{"name":"web"}`)
	first := s.must("GET", acme+"/nics?limit=1", "")
	next := acme + "/nics?limit=1&cursor=" + first.text("next_cursor")
	s.must("PATCH", web, `{"description":"a"}`)
	s.must("GET", next, "")
	much := secgroup.NewSnapshot()
	heavy := &secgroup.Group{GroupRef: secgroup.GroupRef{Account: "acme", ID: "heavy"}, Description: strings.Repeat("x", 17<<20)}
	much, _ = much.With(1, []secgroup.Change{secgroup.Put(heavy)})
	gone := []secgroup.Change{secgroup.Delete(heavy.Key())}
	less, _ := much.With(2, gone)
	s.api.past.Record(much, less, store.Batch{Revision: 2, Changes: gone})() // as if much had happened
	s.must("PATCH", web, `{"description":"b"}`)
	if a := s.do("GET", next, ""); a.status != 410 || a.text("code") != "revision-compacted" {
		t.Errorf("%d %s", a.status, a.raw)
	}
}

// A cursor is good at every API process that was there when the list began.
func TestCursorOfAnotherProcess(t *testing.T) {
	t.Parallel()
	s := world(t)
	other := serveStore(t, s.store, filepath.Join(t.TempDir(), "tokens"))
	first := s.must("GET", acme+"/nics?limit=1", "")
	s.must("DELETE", "/v1/nics/n2", "")
	next := acme + "/nics?limit=1&cursor=" + first.text("next_cursor")
	other.must("GET", next, "").want(t, map[string]string{"items.0.id": "n2", "revision": first.text("revision")})
	late := serveStore(t, s.store, filepath.Join(t.TempDir(), "tokens"))
	if a := late.do("GET", next, ""); a.status != 410 {
		t.Errorf("a process that started later: %d %s", a.status, a.raw)
	}
}

func TestListFilters(t *testing.T) {
	t.Parallel()
	s := world(t)
	s.must("PUT", web, `{"name":"web-front","tags":{"tier":"front","x":""}}`)
	s.must("PUT", groups+"/db", `{"name":"web-db","tags":{"tier":"back"},"networks":["net2"]}`)
	s.must("PUT", acme+"/instances/vm1/security-groups/web", "")
	s.must("PUT", acme+"/instances/vm2", `{"name":"two"}`)
	for query, want := range map[string]string{
		groups + "?name=web-db":                    "db",
		groups + "?name_prefix=web":                "db web",
		groups + "?name_prefix=web&tag=tier=front": "web",
		groups + "?tag=tier":                       "db web",
		groups + "?tag=tier=":                      "",
		groups + "?tag=x=":                         "web",
		groups + "?network=net2":                   "db",
		groups + "?nic=n1":                         "web",
		groups + "?nic=n2":                         "default",
		groups + "?nic=ghost":                      "",
		groups + "?instance=vm1":                   "web",
		groups + "?instance=vm2":                   "",
		acme + "/nics?network=net2":                "n3",
		acme + "/nics?instance=vm1":                "n1",
		acme + "/instances?name=two":               "vm2",
		acme + "/instances?name_prefix=o":          "vm1",
		"/v1/networks?routing_domain=vpc:blue":     "net2",
		"/v1/accounts":                             "acme",
	} {
		ids, _ := s.ids(query, 1, nil)
		if got := strings.Join(ids, " "); got != want {
			t.Errorf("%s gives %q, want %q", query, got, want)
		}
	}
}

// Lists without ids of their own have pages too.
func TestNumberedListsHavePages(t *testing.T) {
	t.Parallel()
	s := world(t)
	s.must("PUT", web, `{"name":"web"}`)
	for path, field := range map[string]string{
		groups + "/default/members":       "address",
		acme + "/nics/n1/effective-rules": "id",
	} {
		whole := s.must("GET", path, "")
		page := s.must("GET", path+"?limit=1", "")
		last := s.must("GET", path+"?limit=100&cursor="+page.text("next_cursor"), "")
		if got, want := page.text("items", 0, field)+last.text("items", 0, field), whole.text("items", 0, field)+whole.text("items", 1, field); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
}

// A list of 50,000 is read at one revision, page by page, in a stable order and
// with a filter, while others go on writing.
func TestLongList(t *testing.T) {
	t.Parallel()
	s := world(t)
	const each = 1000
	all := 50_000
	if testing.Short() {
		all = 6_000
	}
	put := func(i int, name string) secgroup.Change {
		return secgroup.Put(&secgroup.Instance{InstanceRef: secgroup.InstanceRef{Account: "acme", ID: fmt.Sprintf("i%05d", i)}, Name: name})
	}
	change := func(changes ...secgroup.Change) {
		t.Helper()
		if _, err := s.store.Update(t.Context(), func(*secgroup.Snapshot) ([]secgroup.Change, error) { return changes, nil }); err != nil {
			t.Fatal(err)
		}
	}
	for i := 0; i < all; i += 2 * each {
		var part []secgroup.Change
		for k := range 2 * each {
			part = append(part, put(i+k, "many"))
		}
		change(part...)
	}
	revision, cursor, n := "", "", 0
	for page := 0; ; page++ {
		req := httptest.NewRequest("GET", acme+"/instances?name_prefix=man&limit=1000"+cursor, nil)
		req.Header.Set("Authorization", "Bearer "+admin)
		w := httptest.NewRecorder()
		s.api.ServeHTTP(w, req)
		var a struct {
			Items      []shape.Instance
			NextCursor *string `json:"next_cursor"`
			Revision   int64
		}
		if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil || w.Code != 200 {
			t.Fatalf("%d %.300s", w.Code, w.Body)
		}
		if revision = cmp.Or(revision, fmt.Sprint(a.Revision)); revision != fmt.Sprint(a.Revision) {
			t.Fatalf("page %d is of revision %d, the first of %s", page, a.Revision, revision)
		}
		for _, i := range a.Items {
			if i.ID != fmt.Sprintf("i%05d", n) || i.Name != "many" {
				t.Fatalf("item %d is %+v", n, i)
			}
			n++
		}
		if a.NextCursor == nil {
			break
		}
		cursor = "&cursor=" + *a.NextCursor
		if page%10 == 0 { // one that is yet to come goes, one comes between, one moves out of the filter
			between := put(n+5, "many").Object.(*secgroup.Instance)
			between.ID += "-new"
			change(secgroup.Delete(put(all-1-page, "").Key), secgroup.Put(between), put(all-each-page, "moved"))
		}
	}
	if n != all {
		t.Errorf("%d items", n)
	}
}
