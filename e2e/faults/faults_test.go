package faults

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"flag"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ringfence/ringfence/internal/certtest"
	"github.com/ringfence/ringfence/internal/stack"
)

var (
	faultsFlag = flag.Int("faults", 24, "how many faults")
	seedFlag   = flag.Uint64("seed", 1, "what they are drawn from")
	kindFlag   = flag.String("kind", "", "this kind of fault only, also if it is off")
	relaysFlag = flag.Bool("relays", false, "have hosts go through relays, and break these, too")
	keepFlag   = flag.Int("enough", 3, "rounds that fail before it ends")
	firstFlag  = flag.Int("first", 1, "the round to begin with: those before are not played")
)

// universe is what this suite draws from.
func universe(kinds []Kind) Universe {
	u := Universe{Kinds: kinds, APIs: len(apiNames), Slots: make([][]int, 4)}
	for i, s := range slots() {
		u.Values = append(u.Values, s.Values)
		u.Slots[i%len(u.Slots)] = append(u.Slots[i%len(u.Slots)], i)
	}
	return u
}

// TestFaults: semantics.md §5, all of it at once and at random.
func TestFaults(t *testing.T) {
	kinds := On(*relaysFlag)
	if *kindFlag != "" {
		kinds = slices.DeleteFunc(allKinds(), func(k Kind) bool { return !strings.HasPrefix(k.Name, *kindFlag) })
	}
	for _, o := range off {
		t.Logf("OFF: %s: %s", o.Kind, o.Why)
	}
	for _, o := range offChecks {
		t.Logf("NOT CHECKED: %s: %s", o.Kind, o.Why)
	}
	for _, o := range offLeaks {
		t.Logf("NOT CHECKED: %s: %s", o.Flows, o.Why)
	}
	t.Logf("seed %d, %d faults; again with: make test-faults FAULTS=%d SEED=%d", *seedFlag, *faultsFlag, *faultsFlag, *seedFlag)
	history := Draw(*seedFlag, *faultsFlag, universe(kinds))
	play(t, *relaysFlag, *seedFlag, history[min(*firstFlag-1, len(history)):])
}

// TestFaultsThroughRelays: the same, a little of it, where hosts go through relays,
// which break, too. More with: make test-faults RELAYS=1
func TestFaultsThroughRelays(t *testing.T) {
	const seed, faults = 7, 6
	play(t, true, seed, Draw(seed, faults, universe(On(true))))
}

// play plays a history.
func play(t *testing.T, relays bool, seed uint64, history []Round) {
	t.Helper()
	w := start(t, relays)
	var sum Summary
	bad := 0
	err := Run(t.Context(), w, history, func(o Outcome) bool {
		sum.Add(o)
		t.Log(o)
		if len(o.Findings) == 0 {
			return true
		}
		bad++
		t.Errorf("seed %d, round %d:\n%s", seed, o.Round.Number, o.Complaint())
		keepEvidence(t, w, o)
		return bad < *keepFlag
	})
	if err != nil {
		t.Error(err)
		t.Log(w.Plane.Logs())
	}
	t.Log(sum)
}

// start starts a world that ends with the test. With relays hosts go through these.
func start(t *testing.T, relayed bool) *World {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Fatal("this test makes network namespaces and so must run as root")
	}
	dir, err := os.MkdirTemp("", "rffaults")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	var relays *Relays
	if relayed {
		relays = certified(t, dir)
	}
	w, err := NewWorld(within(t, 2*time.Minute), dir, build(t), relays)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

// certified makes the certificate of the relays.
func certified(t *testing.T, dir string) *Relays {
	t.Helper()
	ca := certtest.NewAuthority(t, "relays")
	var at []net.IP
	for _, name := range relayNames {
		at = append(at, net.ParseIP(seatAddresses[name]))
	}
	cert := ca.Issue(t, "relay", time.Now().Add(-time.Hour), time.Now().Add(100*time.Hour), at...)
	key, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	r := &Relays{Cert: filepath.Join(dir, "relay.pem"), Key: filepath.Join(dir, "relay.key"), CA: filepath.Join(dir, "relay-ca.pem")}
	for file, content := range map[string][]byte{
		r.Cert: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Certificate[0]}), r.Key: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}), r.CA: ca.PEM(),
	} {
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

// keepEvidence copies logs and what the switches hold to where test artifacts go.
func keepEvidence(t *testing.T, w *World, o Outcome) {
	t.Helper()
	dir := filepath.Join(t.ArtifactDir(), fmt.Sprintf("round-%d", o.Round.Number))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Error(err)
	}
	if err := w.Lab.Evidence(context.Background(), dir); err != nil {
		t.Log(err)
	}
	logs, _ := filepath.Glob(filepath.Join(w.Plane.Dir, "*.log")) // the pattern is right
	for _, file := range logs {
		b, err := os.ReadFile(file)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, filepath.Base(file)), b, 0o600)
		}
		if err != nil {
			t.Log(err)
		}
	}
	t.Logf("logs and flows are in %s (kept with go test -artifacts)", dir)
}

// within is the test's context, limited.
func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// build is the program under test.
func build(t *testing.T) string {
	t.Helper()
	path, err := stack.Program(filepath.Join(t.TempDir(), "ringfence"), false)
	if err != nil {
		t.Fatal(err)
	}
	return path
}
