package httpapi

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ringfence/ringfence/httpapi/replay"
)

// The same POST with the same key is made once; the answer is the first one's
// to the byte, at another API process too.
func TestIdempotencyKeyReplays(t *testing.T) {
	t.Parallel()
	s := world(t)
	other := serveStore(t, s.store, filepath.Join(t.TempDir(), "tokens"))
	const body = `{"name":"db","rules":[{"direction":"ingress","protocol":"tcp","port_min":5432,"description":"\"revision\":-9223372036854775808"}]}`
	first := s.must("POST", groups, body, "Idempotency-Key: k1")
	if first.header.Get("Idempotency-Replayed") != "" || first.text("revision") != first.header.Get("SG-Revision") || first.text("rules", 0, "revision") != first.text("revision") {
		t.Errorf("first answer %v %s", first.header, first.raw)
	}
	read := s.must("GET", first.header.Get("Location"), "")
	if read.text("rules") != first.text("rules") || read.text("revision") != first.text("revision") {
		t.Errorf("answer %s, stored %s", first.raw, read.raw)
	}
	s.must("PATCH", first.header.Get("Location"), `{"description":"moved on"}`)
	for _, at := range []*server{s, other} {
		again := at.must("POST", groups, body, "Idempotency-Key: k1")
		if string(again.raw) != string(first.raw) || again.status != 201 || again.header.Get("Idempotency-Replayed") != "true" {
			t.Errorf("%d %s\nfirst %s", again.status, again.raw, first.raw)
		}
		for _, h := range []string{"SG-Revision", "ETag", "Location"} {
			if again.header.Get(h) != first.header.Get(h) {
				t.Errorf("%s is %q, was %q", h, again.header.Get(h), first.header.Get(h))
			}
		}
	}
	if a := s.do("PATCH", first.header.Get("Location"), `{"description":"x"}`, "If-Match: "+first.header.Get("ETag")); a.status != 412 {
		t.Errorf("the first answer's ETag is good for a group that moved on: %d", a.status)
	}
	for what, a := range map[string]answer{
		"another body": s.do("POST", groups, `{"name":"db2"}`, "Idempotency-Key: k1"),
		"another path": s.do("POST", web+"/rules", body, "Idempotency-Key: k1"),
	} {
		if a.status != 422 || a.text("code") != "idempotency-key-reuse" {
			t.Errorf("%s: %d %s", what, a.status, a.raw)
		}
	}
	waited := s.do("POST", groups, body, "Idempotency-Key: k1", "Prefer: wait=1")
	waited.want(t, map[string]string{"realization.state": "realized", "id": first.text("id")})
	// Keys are those of a principal.
	if a := s.do("POST", groups, body, "Idempotency-Key: k1", "Authorization: Bearer "+memberAcme); a.status != 409 {
		t.Errorf("another principal's key: %d %s", a.status, a.raw)
	}
}

// A refused request takes no key, a dry run neither; one without a change does.
func TestIdempotencyKeysThatAreTaken(t *testing.T) {
	t.Parallel()
	s := world(t)
	s.must("PUT", web, `{"name":"web","default_rules":false}`)
	if a := s.do("POST", groups, `{"name":"web"}`, "Idempotency-Key: a"); a.status != 409 {
		t.Fatalf("%d", a.status)
	}
	s.must("POST", groups+"?dry_run=true", `{"name":"dry"}`, "Idempotency-Key: a")
	s.must("POST", groups, `{"name":"real"}`, "Idempotency-Key: a")
	const rule = `{"direction":"ingress","protocol":"tcp","port_min":80}`
	made := s.must("POST", rules, rule)
	same := s.must("POST", rules, rule, "Idempotency-Key: b")
	if same.status != 200 || same.text("id") != made.text("id") {
		t.Errorf("%d %s", same.status, same.raw)
	}
	s.must("DELETE", rules+"/"+made.text("id"), "")
	if again := s.must("POST", rules, rule, "Idempotency-Key: b"); string(again.raw) != string(same.raw) {
		t.Errorf("%s, first %s", again.raw, same.raw)
	}
	if n := len(s.must("GET", rules, "").at("items").([]any)); n != 0 {
		t.Errorf("a replay made %d rules", n)
	}
	if a := s.do("POST", rules, rule, "Idempotency-Key: "+strings.Repeat("k", 256)); a.status != 400 {
		t.Errorf("long key: %d", a.status)
	}
}

// Many at once with one key make one object, at several API processes, and all
// get its first answer: also those that see the object made by another before
// they plan it, when its name is taken.
func TestIdempotentRace(t *testing.T) {
	t.Parallel()
	s := world(t)
	other := serveStore(t, s.store, filepath.Join(t.TempDir(), "tokens"))
	for round := range 40 {
		name := fmt.Sprint("one-", round)
		var wg sync.WaitGroup
		var mu sync.Mutex
		ids := map[string]int{}
		for i := range 12 {
			wg.Go(func() {
				a := []*server{s, other}[i%2].do("POST", groups, `{"name":"`+name+`"}`, "Idempotency-Key: "+name)
				mu.Lock()
				defer mu.Unlock()
				ids[fmt.Sprint(a.status, a.text("id"))]++
			})
		}
		wg.Wait()
		if len(ids) != 1 {
			t.Errorf("round %d: answers %v", round, ids)
		}
		if n := s.must("GET", groups+"?name="+name, "").at("items").([]any); len(n) != 1 {
			t.Errorf("round %d: %d groups", round, len(n))
		}
	}
}

// After 24 hours a key is free.
func TestIdempotencyKeysExpire(t *testing.T) {
	t.Parallel()
	s := world(t)
	now := time.Now()
	var mu sync.Mutex
	s.api.now = func() time.Time { mu.Lock(); defer mu.Unlock(); return now }
	s.must("POST", groups, `{"name":"one"}`, "Idempotency-Key: day")
	mu.Lock()
	now = now.Add(24*time.Hour - time.Second)
	mu.Unlock()
	if a := s.do("POST", groups, `{"name":"two"}`, "Idempotency-Key: day"); a.status != 422 {
		t.Errorf("before the day is over: %d", a.status)
	}
	mu.Lock()
	now = now.Add(time.Second)
	mu.Unlock()
	two := s.must("POST", groups, `{"name":"two"}`, "Idempotency-Key: day")
	again := s.must("POST", groups, `{"name":"two"}`, "Idempotency-Key: day")
	if again.text("id") != two.text("id") || two.header.Get("Idempotency-Replayed") != "" || again.header.Get("Idempotency-Replayed") == "" {
		t.Errorf("%s, then %s", two.raw, again.raw)
	}
}

// A question with a key leaves nothing in the store, and no revision.
func TestTracesAreNotKept(t *testing.T) {
	s, h := tracedServer(t)
	h.set(s.says("allow", same))
	before := s.must("GET", "/v1/accounts", "").text("revision")
	const body = `{"source":{"address":"8.8.8.8"},"destination":{"nic":"n1"},"protocol":"tcp","port":443}`
	first, again := s.trace(201, body, "Idempotency-Key: t"), s.trace(201, body, "Idempotency-Key: t")
	if first.text("id") == again.text("id") || again.header.Get("Idempotency-Replayed") != "" {
		t.Errorf("the second trace is the first one: %s", again.raw)
	}
	if after := s.must("GET", "/v1/accounts", "").text("revision"); after != before {
		t.Errorf("two traces moved the policy from revision %s to %s", before, after)
	}
	if n, err := s.store.CountNotes(t.Context(), "idempotency/"); err != nil || n != 0 {
		t.Errorf("%d answers are kept, %v", n, err)
	}
}

// Only so many answers are kept for an account, of what length each may have.
// Those that are there are given again.
func TestKeptAnswersHaveABound(t *testing.T) {
	t.Parallel()
	s := world(t)
	s.api.keptAnswers = 3
	post := func(name string, more ...string) answer {
		return s.do("POST", groups, `{"name":"`+name+`"}`, append(more, as(memberAcme)...)...)
	}
	for _, name := range []string{"one", "two", "three"} {
		if a := post(name, "Idempotency-Key: "+name); a.status != 201 {
			t.Fatalf("%s: %d %s", name, a.status, a.raw)
		}
	}
	a := post("four", "Idempotency-Key: four")
	if a.status != 409 || a.text("code") != "quota-exceeded" || !strings.Contains(a.text("detail"), "Idempotency-Key") || !strings.Contains(a.text("detail"), "3") {
		t.Errorf("one more: %d %s", a.status, a.raw)
	}
	if a := post("one", "Idempotency-Key: one"); a.status != 201 || a.header.Get("Idempotency-Replayed") != "true" {
		t.Errorf("one that is kept: %d %s", a.status, a.raw)
	}
	if a := post("four"); a.status != 201 {
		t.Errorf("without a key: %d %s", a.status, a.raw)
	}
	if a := s.do("POST", "/v1/accounts/bolt/security-groups", `{"name":"one"}`, "Idempotency-Key: one"); a.status != 201 {
		t.Errorf("another account: %d %s", a.status, a.raw)
	}
}

// A long answer counts as several of those that may be kept: they are bounded in
// bytes.
func TestLongAnswersCountAsSeveral(t *testing.T) {
	t.Parallel()
	s := world(t)
	rng := rand.New(rand.NewPCG(1, 2))
	rules := make([]string, 300)
	for i := range rules { // of which nothing can be left out
		rules[i] = fmt.Sprintf(`{"direction":"ingress","protocol":"tcp","port_min":%d,"description":"%x%x%x%x"}`, i+1, rng.Uint64(), rng.Uint64(), rng.Uint64(), rng.Uint64())
	}
	body := `{"name":"long","rules":[` + strings.Join(rules, ",") + `]}`
	s.must("POST", groups, body, "Idempotency-Key: long")
	notes, err := s.store.Notes(t.Context(), "idempotency/", "", 100)
	if err != nil {
		t.Fatal(err)
	}
	size := 0
	for _, n := range notes {
		size += len(n.Value)
	}
	if len(notes) < 2 || len(notes) != (size+replay.Unit-1)/replay.Unit {
		t.Errorf("%d bytes count as %d answers", size, len(notes))
	}
	s.api.keptAnswers = len(notes)
	if a := s.do("POST", groups, `{"name":"more"}`, "Idempotency-Key: more"); a.status != 409 || a.text("code") != "quota-exceeded" {
		t.Errorf("one more: %d %s", a.status, a.raw)
	}
	if a := s.do("POST", groups, body, "Idempotency-Key: long"); a.header.Get("Idempotency-Replayed") != "true" {
		t.Errorf("the one that is kept: %d %s", a.status, a.raw)
	}
}

// Long answers are kept short, and given again in full; what is too long all
// the same is not made.
func TestLongAnswersAreKeptShort(t *testing.T) {
	t.Parallel()
	s := world(t)
	many := func(name string, n int, description string) string {
		rules := make([]string, n)
		for i := range rules {
			rules[i] = fmt.Sprintf(`{"direction":"ingress","protocol":"tcp","port_min":%d,"description":"%s"}`, i+1, description)
		}
		return `{"name":"` + name + `","rules":[` + strings.Join(rules, ",") + `]}`
	}
	body := many("long", 500, "x")
	first := s.must("POST", groups, body, "Idempotency-Key: long")
	again := s.must("POST", groups, body, "Idempotency-Key: long")
	if len(first.raw) < 2*replay.Plain || string(again.raw) != string(first.raw) || again.header.Get("Idempotency-Replayed") != "true" {
		t.Errorf("%d bytes, then %d bytes", len(first.raw), len(again.raw))
	}
	notes, err := s.store.Notes(t.Context(), "idempotency/", "", 10)
	if err != nil || len(notes) != (len(notes[0].Value)+replay.Unit-1)/replay.Unit || len(notes[0].Value) > len(first.raw)/2 {
		t.Errorf("an answer of %d bytes is kept as %d notes, the first of %d bytes, %v", len(first.raw), len(notes), len(notes[0].Value), err)
	}
	s.api.keptBytes = 1000
	if a := s.do("POST", groups, many("longer", 500, "y"), "Idempotency-Key: longer"); a.status != 413 || a.text("code") != "body-too-large" || !strings.Contains(a.text("detail"), "Idempotency-Key") {
		t.Errorf("too long to keep: %d %s", a.status, a.raw)
	}
	if a := s.do("GET", groups+"?name=longer", ""); strings.Contains(string(a.raw), "longer") {
		t.Errorf("refused, and made: %s", a.raw)
	}
}
