package httpapi

import (
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
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

// A trace with a key is made once; the answer is the first one's, also at
// another API process, which has never seen the trace.
func TestIdempotentTrace(t *testing.T) {
	s, h := tracedServer(t)
	h.set(s.says("allow", same))
	other := serveStore(t, s.store, filepath.Join(t.TempDir(), "tokens"))
	const body = `{"source":{"address":"8.8.8.8"},"destination":{"nic":"n1"},"protocol":"tcp","port":443}`
	first := s.trace(201, body, "Idempotency-Key: t")
	for _, at := range []*server{s, other} {
		again := at.do("POST", acmeTraces, body, "Idempotency-Key: t")
		if again.status != 201 || string(again.raw) != string(first.raw) || again.header.Get("Idempotency-Replayed") != "true" || again.header.Get("Location") != first.header.Get("Location") {
			t.Errorf("%d %v %s\nfirst %s", again.status, again.header, again.raw, first.raw)
		}
	}
	if a := s.do("POST", acmeTraces, `{"source":{"address":"8.8.4.4"},"destination":{"nic":"n1"},"protocol":"tcp","port":443}`, "Idempotency-Key: t"); a.status != 422 || a.text("code") != "idempotency-key-reuse" {
		t.Errorf("another trace: %d %s", a.status, a.raw)
	}
}
