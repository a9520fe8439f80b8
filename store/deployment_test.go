package store

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// TestThroughGRPCProxy follows through etcd's proxy, which answers no progress
// requests and merges watches.
func TestThroughGRPCProxy(t *testing.T) {
	t.Parallel()
	e := &externalEtcd{dir: socketDir(t)}
	t.Cleanup(func() { e.stop(t) })
	e.start(t)
	address := freeAddress()
	proxy := startEtcd(t, filepath.Join(e.dir, "proxy.log"), "grpc-proxy", "start", "--endpoints", e.address, "--listen-addr", address)
	t.Cleanup(func() {
		if err := proxy.Kill(); err != nil {
			t.Error(err)
		}
	})
	awaitListener(t, address, proxy)
	cfg := e.config()
	cfg.Endpoints = []string{address}
	s := open(t, cfg)
	first := mustUpdate(t, s, put(account("a")))
	var one, two recorder
	follow(t, open(t, cfg), &one)
	follow(t, open(t, cfg), &two)
	one.await(t, first)
	two.await(t, first)
	time.Sleep(3 * s.link.Config.ProbeInterval) // so that the followers have been probed through the proxy, which nothing tells of
	revs := []int64{first}
	for _, id := range []string{"g", "h", "i"} {
		revs = append(revs, mustUpdate(t, s, put(group("a", id))))
	}
	for _, r := range []*recorder{&one, &two} {
		checkHistory(t, r.await(t, revs[3]), revs)
		if diff := cmp.Diff(dump(t, s), r.state()); diff != "" {
			t.Errorf("state (-cache +follower):\n%s", diff)
		}
	}
	if since, stale := s.Stale(); stale {
		t.Errorf("stale since %v", since)
	}
}

// TestRoles has an etcd with TLS and users by certificate, and a host that may
// read the policy and write its own status, and no more.
func TestRoles(t *testing.T) {
	t.Parallel()
	dir := socketDir(t)
	address := freeAddress()
	ca := newAuthority(t, dir, address)
	ca.issue(t, "server")
	e := &externalEtcd{dir: dir, scheme: "https", address: address, args: []string{"--client-cert-auth", "--trusted-ca-file", filepath.Join(dir, "ca.pem"),
		"--cert-file", filepath.Join(dir, "server.pem"), "--key-file", filepath.Join(dir, "server.key")}}
	t.Cleanup(func() { e.stop(t) })
	e.start(t)
	as := func(user string) Config {
		cfg := hasty(e.config()) // whether etcd asks for a certificate is asked for so long
		cfg.Endpoints = []string{"https://" + e.address}
		cfg.TLS = &tls.Config{RootCAs: ca.pool, Certificates: []tls.Certificate{ca.issue(t, user)}}
		return cfg
	}
	api := open(t, as("root"))
	ctx := within(t, patience)
	plugs := api.link.Keys.Plugs()
	roles := make([]Role, 3)
	for i, make := range []func() (Role, error){
		func() (Role, error) { return e.config().APIRole("ringfence-api") },
		func() (Role, error) { return e.config().HostRole("h1") },
		func() (Role, error) { return e.config().HostRole("h2") },
	} {
		var err error
		if roles[i], err = make(); err != nil {
			t.Fatal(err)
		}
	}
	beside, err := net.Listen("tcp", ca.host.String()+":0") // where the server's certificate is good
	if err != nil {
		t.Fatal(err)
	}
	beside.Close()
	bare, never := &externalEtcd{dir: socketDir(t), scheme: "https", address: beside.Addr().String(), args: []string{
		"--cert-file", filepath.Join(dir, "server.pem"), "--key-file", filepath.Join(dir, "server.key")}}, func(step string) { t.Error("done without certificates:", step) }
	t.Cleanup(func() { bare.stop(t) })
	bare.start(t)
	forAll := as("root")
	forAll.Endpoints = []string{"https://" + bare.address}
	for _, cfg := range []Config{forAll, {Endpoints: []string{"http://" + bare.address}}} {
		if err := Authorize(ctx, cfg, roles, never); !errors.Is(err, ErrAsksForNoCertificate) {
			t.Errorf("an etcd that asks for no certificate: %v", err)
		}
	}
	steps, beware := 0, false
	for _, some := range [][]Role{roles[:2], roles} { // again, with another host
		if err := Authorize(ctx, as("root"), some, func(step string) {
			steps++
			beware = beware || strings.HasPrefix(step, "beware: etcd ")
		}); err != nil {
			t.Fatal(err)
		}
	}
	if steps < 30 {
		t.Errorf("tells of %d steps", steps)
	}
	if err := api.Close(); err != nil {
		t.Fatal(err)
	}
	if err := Authorize(ctx, as("h1"), roles, func(string) {}); !errors.Is(err, rpctypes.ErrPermissionDenied) {
		t.Errorf("a host that gives out roles: %v, want permission denied", err)
	}
	root := open(t, as("root"))
	api = open(t, as("ringfence-api"))
	if _, err := api.link.Client.Put(ctx, "/elsewhere", "x"); !errors.Is(err, rpctypes.ErrPermissionDenied) {
		t.Errorf("an API that writes elsewhere: %v, want permission denied", err)
	}
	api.Join(ClusterMember{ID: "api-1"})
	rev := mustUpdate(t, api, put(account("a")))
	host := open(t, as("h1"))
	var r recorder
	follow(t, host, &r)
	r.await(t, rev)
	if err := host.PutHost(ctx, HostStatus{Host: "h1", Applied: rev, Instance: "i1"}); err != nil {
		t.Error(err)
	}
	if err := api.WaitHosts(ctx, func(h []HostStatus) bool { return len(h) == 1 && h[0].Applied == rev }); err != nil {
		t.Error(err)
	}
	reported := HostStatus{Host: "h1", Applied: rev, Instance: "i1", NICs: []HostNIC{{ID: "n", Ready: true}}}
	if err := host.PutHost(ctx, reported); err != nil {
		t.Error(err)
	}
	if nics, err := api.Plugged(ctx, "h1"); err != nil || len(nics) != 1 || nics[0].ID != "n" || !nics[0].Ready {
		t.Errorf("plugged at h1: %+v, %v", nics, err)
	}
	if nics, err := api.Plugged(ctx, "h2"); err != nil || len(nics) > 0 {
		t.Errorf("plugged at a host that reports nothing: %+v, %v", nics, err)
	}
	if _, err := host.Plugged(ctx, "h2"); !errors.Is(err, ErrMayNotAsk) {
		t.Errorf("a host that asks for another's report: %v, want %v", err, ErrMayNotAsk)
	}
	if _, err := host.PutPlugs(ctx, "h1", []Plug{{NIC: "n", Row: "r"}}, nil); err != nil {
		t.Error(err)
	}
	if _, err := host.PutPlugs(ctx, "h2", []Plug{{NIC: "n", Row: "r"}}, nil); !errors.Is(err, ErrMayNotAsk) {
		t.Errorf("a host that plugs for another: %v, want %v", err, ErrMayNotAsk)
	}
	var seen plugRecorder
	following, stop := context.WithCancel(ctx)
	go func() {
		for seen.String() == "" && following.Err() == nil {
			time.Sleep(time.Millisecond)
		}
		stop()
	}()
	if err := host.FollowPlugs(following, &seen); !errors.Is(err, context.Canceled) || seen.String() != "h1/n row r ready false" {
		t.Errorf("plugs %s, %v", seen.String(), err)
	}
	if _, err := root.link.Client.RoleRevokePermission(ctx, "host-h1", plugs, clientv3.GetPrefixRangeEnd(plugs)); err != nil {
		t.Error(err)
	}
	if err := host.FollowPlugs(ctx, &plugRecorder{}); !errors.Is(err, ErrMayNotAsk) {
		t.Errorf("a host that may not read plugs: %v, want %v", err, ErrMayNotAsk)
	}
	if err := host.PutHost(ctx, HostStatus{Host: "h2"}); !errors.Is(err, rpctypes.ErrPermissionDenied) || errors.Is(err, ErrUnavailable) {
		t.Errorf("a host that reports for another: %v, want permission denied", err)
	}
	if _, err := host.Update(ctx, put(account("b"))); !errors.Is(err, rpctypes.ErrPermissionDenied) {
		t.Errorf("a host that writes policy: %v, want permission denied", err)
	}
	// Etcds that do not hold users to their roles are told of: those that do refuse this.
	_, err = host.link.Client.Txn(ctx).Then(clientv3.OpTxn(nil, []clientv3.Op{clientv3.OpPut("/elsewhere", "x")}, nil)).Commit()
	if leaks := err == nil; leaks && !beware || !leaks && !errors.Is(err, rpctypes.ErrPermissionDenied) {
		t.Errorf("a host that writes elsewhere by a transaction within another: %v; it was told of: %v", err, beware)
	}
}

// authority issues certificates of a test, for servers on loopback and clients.
type authority struct {
	dir  string
	host net.IP
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pool *x509.CertPool
}

// newAuthority has certificates issued for servers at an address.
func newAuthority(t *testing.T, dir, address string) *authority {
	t.Helper()
	a := &authority{dir: dir, host: net.IP(netip.MustParseAddrPort(address).Addr().AsSlice()), pool: x509.NewCertPool()}
	a.cert = &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "ca"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	a.key = a.write(t, "ca", a.cert, nil)
	a.pool.AddCert(a.cert)
	return a
}

func (a *authority) issue(t *testing.T, name string) tls.Certificate {
	t.Helper()
	a.write(t, name, &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{a.host}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}, a.key)
	pair, err := tls.LoadX509KeyPair(filepath.Join(a.dir, name+".pem"), filepath.Join(a.dir, name+".key"))
	if err != nil {
		t.Fatal(err)
	}
	return pair
}

// write makes the files of a certificate, signed by its own key if by is nil.
func (a *authority) write(t *testing.T, name string, c *x509.Certificate, by *ecdsa.PrivateKey) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if by == nil {
		by = key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, a.cert, &key.PublicKey, by)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	if c == a.cert {
		if a.cert, err = x509.ParseCertificate(der); err != nil {
			t.Fatal(err)
		}
	}
	for file, block := range map[string]*pem.Block{name + ".pem": {Type: "CERTIFICATE", Bytes: der}, name + ".key": {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(filepath.Join(a.dir, file), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return key
}
