package matrix

import (
	"testing"

	"github.com/ringfence/ringfence/internal/lab"
)

func TestWant(t *testing.T) {
	party := func(role, place string) *Party { return &Party{Role: role, Place: place, Node: &lab.Node{}} }
	web1, web2, db := party("web", "h1"), party("web", "h2"), party("db", "h1")
	parties := []*Party{web1, web2, db}
	services, err := ParseServices("tcp/80 icmp")
	if err != nil {
		t.Fatal(err)
	}
	w, err := ParseWant("\n web -> db: tcp/80 \n * -> web@h2: icmp4\n")
	if err != nil {
		t.Fatal(err)
	}
	if err := w.unknown(parties, services); err != nil {
		t.Error(err)
	}
	for _, c := range newTable(Grid{Parties: parties, Services: services, Want: w}).Cells {
		want := No
		if c.To == db && c.Service.Port == 80 || c.To == web2 && c.Service.String() == "icmp4" {
			want = Yes
		}
		if c.Want != want {
			t.Errorf("%s > %s %s: %s", c.From.Name(), c.To.Name(), c.Service, c.Want)
		}
	}
	for _, text := range []string{"web -> dbx: tcp/80", "web@h3 -> db: tcp/80", "web -> db: tcp/81"} {
		w, err := ParseWant(text)
		if err != nil {
			t.Fatal(err)
		}
		if w.unknown(parties, services) == nil {
			t.Errorf("%q passes for an expectation", text)
		}
	}
	for _, text := range []string{"web db: tcp/80", "web -> db tcp/80", "web -> db: tpc/80"} {
		if _, err := ParseWant(text); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}
